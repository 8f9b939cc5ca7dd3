// Thumbnails as radio buttons: arrow keys, focus and names come with the platform.

function tile(item, chosen, choose) {
  const label = document.createElement("label");
  label.className = "tile";
  label.title = item.title;
  const input = document.createElement("input");
  input.type = "radio";
  input.name = "picture";
  input.value = item.name;
  input.checked = item.name === chosen;
  input.setAttribute("aria-label", item.title);
  input.addEventListener("change", () => choose(item.name));
  const image = document.createElement("img");
  image.src = item.src;
  image.alt = ""; // the radio button carries the name
  image.loading = "lazy";
  image.decoding = "async";
  image.fetchPriority = "low"; // the large picture comes first
  label.append(input, image);
  return label;
}

function section(group, chosen, choose) {
  const fieldset = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = group.title;
  const grid = document.createElement("div");
  grid.className = "grid";
  grid.append(...group.items.map((item) => tile(item, chosen, choose)));
  fieldset.append(legend, grid);
  return fieldset;
}

export default function mount({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".gallery");
  root.classList.toggle("row", Boolean(data.in_a_row));
  const contents = JSON.stringify(data.groups);
  if (root.dataset.contents !== contents) {
    root.dataset.contents = contents;
    root.replaceChildren(
      ...data.groups.map((group) => section(group, data.chosen, (name) => root.choose(name))),
    );
  }
  root.choose = (name) => setTriggerValue("chosen", name);
  for (const input of root.querySelectorAll("input")) input.checked = input.value === data.chosen;
}
