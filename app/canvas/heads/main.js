// The door of the map of heads.
import { door } from "../kit/door.js";
import { HeadMap } from "./map.js";

const { render, streamlit } = door((data, tell) => new HeadMap(data, tell));
export default { render };
export { streamlit };
