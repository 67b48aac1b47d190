/** Let the browser keep bytes as a file of this name. */
export function saveAs(bytes: Blob, name: string): void {
  const url = URL.createObjectURL(bytes);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads the bytes after the click: let go of them a little later.
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
