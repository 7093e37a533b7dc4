// Opened from a folder a page may not start a worker: the search of the site then runs in a hidden frame that answers like one.
// The name is the one by which mkdocs-material's plugin `offline` knows that such a thing is there.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    #inside = null;
    #waiting = [];

    constructor(address) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.srcdoc = "<!doctype html><title>search</title>";
      frame.onload = () => {
        const inside = frame.contentWindow;
        inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        const script = inside.document.createElement("script");
        script.src = address;
        script.onload = () => {
          this.#inside = inside;
          this.#waiting.splice(0).forEach((data) => this.postMessage(data));
        };
        inside.document.head.append(script);
      };
      document.body.append(frame);
    }

    postMessage(data) {
      if (this.#inside) this.#inside.dispatchEvent(new MessageEvent("message", { data }));
      else this.#waiting.push(data);
    }
  };
}
