// <deform-viz src="x.deformviz">: a recording on anybody's page, by one script file that asks for no
// other. Not a module, so that it also runs on a page opened from a disk.
import { DeformViz } from "./element.js";

if (!customElements.get("deform-viz")) customElements.define("deform-viz", DeformViz);
