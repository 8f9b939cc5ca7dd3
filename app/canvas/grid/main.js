// The door of a deformed grid: how it is opened.
import { door, openOffline } from "../kit/door.js";
import { Page } from "../kit/page.js";
import { GRID } from "./canvas.js";
import { SURROUNDINGS } from "./surroundings.js";

const { render, streamlit } = door((data, tell) => new Page(GRID, SURROUNDINGS, data, tell));
openOffline(render);
export default { render };
export { streamlit };
