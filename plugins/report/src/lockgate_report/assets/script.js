"use strict";
// The page works without this: it adds one button, opens what a link points to,
// and opens everything for printing.
(() => {
  const all = () => document.querySelectorAll("main details");
  const top = document.querySelector("header.top");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Open all details";
  button.addEventListener("click", () => {
    const open = button.textContent.startsWith("Open");
    for (const one of all()) one.open = open;
    button.textContent = open ? "Close all details" : "Open all details";
  });
  top.append(button);
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...all()].filter((one) => !one.open);
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
})();
