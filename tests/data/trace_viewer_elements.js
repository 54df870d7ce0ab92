// Custom elements of version 0, which browsers no longer have, as far as the trace viewer needs them to read a trace.
(() => {
  const prototypes = new Map();
  const make = document.createElement.bind(document);
  const upgrade = (element, name) => {
    const prototype = prototypes.get(name);
    if (prototype && !element.upgraded) {
      Object.setPrototypeOf(element, prototype);
      element.upgraded = true;
      if (element.createdCallback) element.createdCallback();
    }
    return element;
  };
  const upgradeAll = (root) => {
    for (const element of root.querySelectorAll('*')) upgrade(element, element.localName);
  };
  document.createElement = (tag, type) => upgrade(make(tag), type || String(tag).toLowerCase());
  document.registerElement = (name, options = {}) => {
    prototypes.set(name, options.prototype);
    upgradeAll(document);
    const constructor = function () {
      return document.createElement(options.extends || name, name);
    };
    constructor.prototype = options.prototype;
    return constructor;
  };
  Object.defineProperty(document, '_currentScript', { get: () => document.currentScript });
  window.CustomElements = { upgrade: upgradeAll, upgradeDocumentTree: upgradeAll, takeRecords() {}, ready: true };
})();
