import { describe, expect, test } from "bun:test";
import {
  endpointText,
  furtherEndpoints,
  listenAddresses,
  parseEndpoint,
  parseEndpoints,
} from "../../src/router/endpoint.ts";

const open = { sealed: false, role: "connect" } as const;
const sealed = { sealed: true, role: "connect" } as const;

describe("an endpoint is completed as a person meant it", () => {
  test.each([
    ["127.0.0.1", "tcp/127.0.0.1:7447"],
    ["10.0.0.1:7448", "tcp/10.0.0.1:7448"],
    ["hub", "tcp/hub:7447"],
    ["hub.example.org:7448", "tcp/hub.example.org:7448"],
    ["my_hub.local", "tcp/my_hub.local:7447"],
    ["tcp/10.0.0.1", "tcp/10.0.0.1:7447"],
    ["TCP/10.0.0.1:1", "tcp/10.0.0.1:1"],
    ["udp/10.0.0.1:7447", "udp/10.0.0.1:7447"],
    ["tls/hub:7448", "tls/hub:7448"],
    ["::1", "tcp/[::1]:7447"],
    ["fe80::1%2", "tcp/[fe80::1%2]:7447"],
    ["[fe80::1]", "tcp/[fe80::1]:7447"],
    ["[fe80::1]:7448", "tcp/[fe80::1]:7448"],
    ["tcp/[2001:db8::5]:65535", "tcp/[2001:db8::5]:65535"],
    ["tcp/10.0.0.1:7447#iface=eth0", "tcp/10.0.0.1:7447#iface=eth0"],
    ["  10.0.0.1 ", "tcp/10.0.0.1:7447"],
  ])("%s is %s", (text, expected) => {
    expect(endpointText(parseEndpoint(text, open))).toBe(expected);
  });

  test("in a sealed mesh all are tls/, whatever was typed", () => {
    const texts = ["127.0.0.1", "tcp/127.0.0.1:7447", "tls/127.0.0.1", "[::1]:7447"];
    expect(parseEndpoints(texts, sealed)).toEqual(["tls/127.0.0.1:7447", "tls/[::1]:7447"]);
  });

  test("the port that is left out may be another one", () => {
    expect(endpointText(parseEndpoint("0.0.0.0", { sealed: true, role: "listen", defaultPort: 17447 }))).toBe(
      "tls/0.0.0.0:17447",
    );
  });
});

describe("a wrong endpoint is refused with the reason", () => {
  test.each([
    ["", "must not be empty"],
    ["   ", "must not be empty"],
    ['"10.0.0.1"', "contains a quote"],
    ["'tcp/10.0.0.1:7447'", "contains a quote"],
    ["10.0.0.1,10.0.0.2", "contains a comma"],
    ["10.0.0.1 7447", "contains a space"],
    ["10.0.0.1:99999", "needs a port from 1 to 65535"],
    ["10.0.0.1:0", "needs a port from 1 to 65535"],
    ["10.0.0.1:", "needs a port from 1 to 65535"],
    ["10.0.0.1:http", "needs a port from 1 to 65535"],
    ["10.0.0.256", "neither an IP address nor a name"],
    ["7447", "neither an IP address nor a name"],
    ["tcp/:7447", "has no host"],
    ["hub..example", "neither an IP address nor a name"],
    ["-hub", "neither an IP address nor a name"],
    ["192.168.1.0/24", "neither an IP address nor a name"],
    ["fe80::zz", "is not an address"],
    ["fe80::1:7447:99999", "is not an address"],
    ["[fe80::1", "has a stray bracket"],
    ["[10.0.0.1]:7447", "something other than an IPv6 address in its brackets"],
    ["fe80::1%eth0", "names its interface"],
    ["tcp://10.0.0.1:7447", "is written as a URL"],
    ["http/10.0.0.1", "unknown protocol http/"],
    ["0.0.0.0", "means every interface, which cannot be dialled"],
    ["::", "means every interface, which cannot be dialled"],
  ])("%j: %s", (text, reason) => {
    expect(() => parseEndpoint(text, open)).toThrow(reason);
  });

  test("what has no TLS cannot be part of a sealed mesh", () => {
    expect(() => parseEndpoint("udp/10.0.0.1:7447", sealed)).toThrow("cannot be sealed");
    expect(() => parseEndpoint("quic/10.0.0.1:7447", sealed)).toThrow("cannot be sealed");
  });

  test("a listener may mean every interface", () => {
    expect(parseEndpoint("::", { sealed: false, role: "listen" }).host).toBe("::");
  });
});

describe("ZENOH_CONNECT", () => {
  const here = { addresses: ["192.168.1.5"], listen: [parseEndpoint("0.0.0.0", { sealed: false, role: "listen" })] };

  test("names routers to dial besides, ours excepted", () => {
    const text = "tcp/localhost:7447, tcp/192.168.1.5:7447,tcp/10.0.0.9:7447,tcp/127.0.0.1:7448";
    expect(furtherEndpoints(text, { ...here, sealed: false })).toEqual({
      dial: ["tcp/10.0.0.9:7447", "tcp/127.0.0.1:7448"],
      skipped: [],
    });
  });

  test("our own address is another router's where we do not listen on it", () => {
    const listen = [parseEndpoint("192.168.1.5", { sealed: false, role: "listen" })];
    expect(furtherEndpoints("tcp/127.0.0.1:7447", { ...here, listen, sealed: false }).dial).toEqual([
      "tcp/127.0.0.1:7447",
    ]);
  });

  test("in a sealed mesh only tls/ is dialled, and the rest reported", () => {
    expect(furtherEndpoints("tcp/10.0.0.9:7447,tls/10.0.0.8,10.0.0.9:0", { ...here, sealed: true })).toEqual({
      dial: ["tls/10.0.0.8:7447"],
      skipped: [
        { endpoint: "tcp/10.0.0.9:7447", reason: "a sealed mesh links by TLS alone, not by tcp/" },
        { endpoint: "10.0.0.9:0", reason: "endpoint 10.0.0.9:0 needs a port from 1 to 65535" },
      ],
    });
  });
});

test("the addresses to choose from are the machine's own, those of containers last", () => {
  const address = (text: string, internal = false) => ({
    address: text,
    family: text.includes(":") ? ("IPv6" as const) : ("IPv4" as const),
    internal,
    netmask: "",
    mac: "",
    cidr: null,
    scopeid: 0,
  });
  const interfaces = {
    lo: [address("127.0.0.1", true), address("::1", true)],
    docker0: [address("172.17.0.1")],
    eth0: [address("192.168.1.5"), address("fe80::1")],
    wlan0: [address("192.168.1.6"), address("169.254.3.4"), address("192.168.1.5")],
  };
  expect(listenAddresses(interfaces as never)).toEqual(["192.168.1.5", "192.168.1.6", "172.17.0.1"]);
});
