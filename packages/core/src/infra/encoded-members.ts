/** Members of an object as JSON text, for what is written down often and is always the same. */
export class EncodedMembers {
  /** With the brace that ends the object; nothing stands before them. */
  readonly alone: string;
  /** The same behind other members. */
  readonly behind: string;

  constructor(members: object) {
    const text = JSON.stringify(members);
    this.alone = text.slice(1);
    this.behind = text === '{}' ? '}' : `,${this.alone}`;
  }
}
