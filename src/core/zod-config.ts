import { config } from "zod";

// zod compiles a schema at its first use, which pays only from the second on. A command validates once, and an agent's
// server first of all has to answer: 2 to 4 ms each. To take effect it must be imported before any schema is made.
config({ jitless: true });
