export { adminRoutes } from "./admin.ts";
export { readingRoutes } from "./reading.ts";
export { showtimePageRoutes } from "./showtime-page.ts";
