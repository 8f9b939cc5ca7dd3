// The door of the lesson player.
import { door } from "../kit/door.js";
import { Player } from "./player.js";

const { render, streamlit } = door((data, tell) => new Player(data, tell));
export { streamlit };
export default { render };
