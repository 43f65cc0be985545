import type { FrameConfig } from "../protocol";
import { startChat } from "./chat";

startChat(JSON.parse(document.getElementById("needlewise")?.textContent ?? "") as FrameConfig);
