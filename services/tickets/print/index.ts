export { hasSystemFont } from "./fonts.ts";
export { printTickets, type PrintJob } from "./print-tickets.ts";
export { qrSvg } from "./qr-picture.ts";
