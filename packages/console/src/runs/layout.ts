// What is asked of the layout and what it answers, in pixels.
export const nodeWidth = 176;
export const nodeHeight = 50;
export const gap = 18;

/** The way in which a plan of so many columns is seen largest in so much room. */
export function directionIn(
  { columns, fullest }: { columns: number; fullest: number },
  { width, height }: { width: number; height: number },
): 'LR' | 'TB' {
  const [along, across] = [3 * gap, gap];
  const sideways = Math.min(width / (columns * (nodeWidth + along)), height / (fullest * (nodeHeight + across)));
  const down = Math.min(width / (fullest * (nodeWidth + across)), height / (columns * (nodeHeight + along)));
  return down > sideways ? 'TB' : 'LR';
}

export interface LayoutRequest {
  readonly id: number;
  /** The first to the left, or above. */
  readonly direction: 'LR' | 'TB';
  readonly nodes: number;
  readonly edges: readonly (readonly [from: number, to: number])[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly id: number;
  readonly direction: 'LR' | 'TB';
  readonly width: number;
  readonly height: number;
  /** Middles. */
  readonly nodes: readonly Point[];
  readonly edges: readonly (readonly Point[])[];
}
