// Refuses who tries passwords, after a while: a program that tries one after the other has few answers so, and the
// machine's time is left to others. (Answered at once, 64 connections took two processors with 56,000 refusals a second.)
const WHILE = 2000; // milliseconds

function later(r) {
    setTimeout(() => r.return(429, 'There were too many logins from your address. Please try again in a minute.\n'), WHILE);
}

function off(r) {
    setTimeout(() => r.return(403, 'XML-RPC is off for this site (site settings: xmlrpc).\n'), WHILE);
}

export default { later, off };
