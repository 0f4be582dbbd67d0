// What runs on every page. Each module stands for one thing, and a page is whole without any of them.
import { follow } from "./live.js";
import { tick } from "./times.js";
import { listen } from "./keys.js";

tick();
listen();
follow();
