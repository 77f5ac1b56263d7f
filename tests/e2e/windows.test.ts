import { expect } from "bun:test";
import { verifyWindows } from "../../build/verify-windows.ts";
import { testWith } from "../needs.ts";

testWith("wine")(
  "the Windows binary remembers, finds, imports and serves agents, under Wine",
  async () => {
    let said = "";
    const status = await verifyWindows((text) => (said += text));
    expect({ status, said: said.replaceAll(/^ok .*\n/gm, "") }).toEqual({ status: 0, said: "" });
  },
  180_000,
);
