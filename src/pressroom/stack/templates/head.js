// Answers what is not an ordinary page from the store: feeds, sitemaps and the like (a body with headers of
// its own) and permanent redirects. Reads the page's .head file; without one the request is the origin's.
import fs from 'fs';

function answer(r) {
    // Only whether the gate is there is looked at by the way through the site's own folder, where a pipe may lie.
    var head, base = r.variables.pr_store + r.variables.pr_path + r.variables.pr_paging;
    var open = is_open(r.variables.document_root);
    try {
        head = open && fs.readFileSync(base + '.head', 'utf8');
    } catch (e) {
        head = '';
    }
    if (!head) {
        if (!open) {
            r.variables.pr_closed = 'closed';
        }
        r.internalRedirect('@origin');
        return;
    }
    var parsed = JSON.parse(head);
    if (parsed.location) {
        r.headersOut['X-Pressroom-Cache'] = r.variables.pr_cache;
        r.headersOut['Cache-Control'] = 'no-cache';
        r.return(parsed.status, parsed.location);
        return;
    }
    r.variables.pr_head = head;
    r.variables.pr_state = r.variables.pr_cache;
    var path = (r.variables.pr_path + r.variables.pr_paging + '.body').split('/').map(encodeURIComponent).join('/');
    // The static modules would misread what a few visitors accept.
    r.internalRedirect((r.variables.pr_plain ? '/.pressroom/plain' : '/.pressroom/body') + path);
}

// The root, which is always there, lies behind the gate.
function is_open(root) {
    try {
        fs.accessSync(root);
        return true;
    } catch (e) {
        return false;
    }
}

function dress(r) {
    r.headersOut['X-Content-Type-Options'] = 'nosniff';
    r.headersOut['Referrer-Policy'] = 'strict-origin-when-cross-origin';
    if (!r.variables.pr_head) {
        return;
    }
    var headers = JSON.parse(r.variables.pr_head).headers;
    for (var name in headers) {
        r.headersOut[name] = headers[name];
    }
}

export default { answer, dress };
