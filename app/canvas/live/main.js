// A model in the visitor's own browser: on a scene that can be rearranged, or on a picture of theirs.
import { door } from "../kit/door.js";
import { Live } from "./live.js";

const { render } = door((facts) => new Live(facts));
export default { render };
