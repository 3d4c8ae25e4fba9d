// Where the page is: `#/view/rest`. Links are plain anchors, so the browser's own back, copy and new tab work.
import { Store } from './store/store.ts';

export interface Route {
  view: string;
  /** The parts behind the view, decoded. */
  rest: readonly string[];
  query: URLSearchParams;
}

export const route = new Store<Route>(parse(location.hash));

addEventListener('hashchange', () => route.set(parse(location.hash)));

function parse(hash: string): Route {
  // A ticket is for the session, which takes it out of the address.
  if (hash.startsWith('#ticket=')) return { view: 'now', rest: [], query: new URLSearchParams() };
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [view = '', ...rest] = path.split('/').map(decodePart);
  return { view: view || 'now', rest, query: new URLSearchParams(query) };
}

/** Somebody's link may hold anything. */
function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function linkTo(view: string, ...rest: readonly string[]): string {
  return `#/${[view, ...rest].map(encodeURIComponent).join('/')}`;
}
