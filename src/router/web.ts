import { UserError } from "../core/errors.ts";

/** Names of this machine, to which nobody is on the way. */
const loopback = ["127.0.0.1", "[::1]", "localhost"];

const redirects = [301, 302, 303, 307, 308];
const mostRedirects = 10;

/**
 * `fetch` for what a router is made of, and for what that is verified by: no step on the way to it goes over http://. Throws
 * UserError `denied` before such a step.
 */
export async function fetchSafely(address: string, options: RequestInit): Promise<Response> {
  let url = new URL(address);
  for (let steps = 0; steps <= mostRedirects; steps++) {
    refuseOpenRoad(url, steps > 0 ? address : undefined);
    const response = await fetch(url, { ...options, redirect: "manual" });
    const next = redirects.includes(response.status) && response.headers.get("location");
    if (!next) return response;
    await response.body?.cancel();
    url = new URL(next, url);
  }
  throw new Error(`${address} redirects without end`);
}

/** `redirected` is the address that led here. */
function refuseOpenRoad(url: URL, redirected: string | undefined): void {
  if (url.protocol === "https:" || (url.protocol === "http:" && loopback.includes(url.hostname))) return;
  throw new UserError("denied", "a router is not fetched over http://, where anybody could replace it", {
    hint:
      redirected === undefined ? `use https://${url.host}${url.pathname}` : `${redirected} redirects to ${url.href}`,
  });
}
