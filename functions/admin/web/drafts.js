// What the operator typed and chose, kept in the tab, so that it survives a reload and a new login. Logging out deletes it.

const prefix = "draft:";

// get returns a stored value, or undefined.
export function get(name) {
  const value = sessionStorage.getItem(prefix + name);
  return value == null ? undefined : JSON.parse(value);
}

export const put = (name, value) => sessionStorage.setItem(prefix + name, JSON.stringify(value));
export const remove = (name) => sessionStorage.removeItem(prefix + name);

// clear deletes all values.
export function clear() {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith(prefix)) sessionStorage.removeItem(name);
}

// keep stores the value of a field as the operator types, and returns the field.
export function keep(field, name) {
  field.addEventListener("input", () => (field.value ? put(name, field.value) : remove(name)));
  return field;
}
