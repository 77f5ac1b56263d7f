import { amount } from "../core/amount.ts";
import { UserError } from "../core/errors.ts";
import type { Context } from "./context.ts";
import { importFound, reportOf } from "./import.ts";

/** Offers what the Python program has on this machine and is not here yet. Whatever is wrong with it is no matter of ours now. */
export async function offerImport(ctx: Context): Promise<void> {
  try {
    const { observations } = (await importFound(ctx, true)).total;
    if (observations === 0) return;
    const found = `found ${amount(observations, "memory", "memories")} of the Python program`;
    if (await ctx.confirm?.(`${found}. Import them?`)) ctx.note?.(reportOf(await importFound(ctx, false)));
    else ctx.note?.(`${found}; to take them in: kioku-mesh import`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    ctx.note?.(`note: the memories of the Python program were not looked at: ${error.message}`);
  }
}
