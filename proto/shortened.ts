/** At most `lengthMax` letters (code points) of a text; one that had to be cut ends in an ellipsis. */
export function shortened(text: string, lengthMax: number): string {
  const letters = [...text];
  return letters.length > lengthMax ? `${letters.slice(0, lengthMax - 1).join("")}…` : text;
}
