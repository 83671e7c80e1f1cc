// Lets who is refused wait: a program that tries one password after the other has few answers so, and the machine's time
// is left to others. (Answered at once, 64 connections took two processors with 56,000 refusals a second.)
const WHILE = 2000; // milliseconds

function wait(r) {
    setTimeout(() => r.return(403), WHILE);
}

export default { wait };
