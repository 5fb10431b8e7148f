export { adminRoutes } from "./admin/index.ts";
export { readingRoutes } from "./reading.ts";
export { showtimePageRoutes } from "./showtime-page.ts";
