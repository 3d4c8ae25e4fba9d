// Styles that depend on data. Through the object model, since the content policy allows no style attributes, which is what
// Lit's own directive renders first.
import { noChange, type ElementPart } from 'lit';
import { Directive, directive } from 'lit/directive.js';

class Styled extends Directive {
  override render(_styles: Readonly<Record<string, string>>): typeof noChange {
    return noChange;
  }

  override update({ element }: ElementPart, [styles]: [Readonly<Record<string, string>>]): typeof noChange {
    for (const [name, value] of Object.entries(styles)) (element as HTMLElement).style.setProperty(name, value);
    return noChange;
  }
}

/** `<div ${styled({ top: '3px' })}>` */
export const styled = directive(Styled);
