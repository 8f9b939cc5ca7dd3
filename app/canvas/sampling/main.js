// The door of sampling points: how it is opened.
import { door, openOffline } from "../kit/door.js";
import { Page } from "../kit/page.js";
import { SAMPLING } from "./canvas.js";
import { SURROUNDINGS } from "./surroundings.js";

const { render, streamlit } = door((data, tell) => new Page(SAMPLING, SURROUNDINGS, data, tell));
openOffline(render);
export default { render };
export { streamlit };
