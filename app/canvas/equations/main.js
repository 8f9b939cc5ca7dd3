// The door of the page of equations.
import { door } from "../kit/door.js";
import { Walkthrough } from "./walkthrough.js";

const { render, streamlit } = door((_, tell) => new Walkthrough(tell));
export default { render };
export { streamlit };
