import { Command } from "commander";
import type { Context } from "../context.ts";
import { demoBuyCommand } from "./demo-buy.ts";
import { demoRushCommand } from "./demo-rush.ts";

export const demoCommand = (context: Context): Command =>
  new Command("demo")
    .description("shows off against a running Usher")
    .addCommand(demoRushCommand(context))
    .addCommand(demoBuyCommand(context));
