/** A picture that is moved and looked at closer: which part of it is seen. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The place of the picture that lies in the upper left corner, and pixels of the screen for one of it. */
export interface ViewBox {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

export const ZOOM_STEP = 1.25;
const LEAST_SCALE = 0.1;
const MOST_SCALE = 4;
/** Words of a picture that is made smaller than this can't be read. */
const LEGIBLE = 0.7;

/** All of the picture in the room there is; of one that is too large, the part around a point in its own size. */
export function fitted(size: Size, room: Size, around?: Point): ViewBox {
  const scale = Math.min(1, room.width / size.width, room.height / size.height);
  if (scale < LEGIBLE && around !== undefined) {
    const start = (middle: number, whole: number, part: number): number =>
      whole <= part
        ? (whole - part) / 2
        : Math.min(Math.max(middle - part / 2, 0), whole - part);
    return {
      x: start(around.x, size.width, room.width),
      y: start(around.y, size.height, room.height),
      scale: 1
    };
  }
  return {
    x: Math.min(0, (size.width - room.width / scale) / 2),
    y: Math.min(0, (size.height - room.height / scale) / 2),
    scale
  };
}

/** The picture moved by so many pixels of the screen. */
export const moved = (view: ViewBox, x: number, y: number): ViewBox => ({
  ...view,
  x: view.x - x / view.scale,
  y: view.y - y / view.scale
});

/** Closer or farther; what lies at a point of the screen stays there, by default what lies in the middle. */
export function zoomed(
  view: ViewBox,
  room: Size,
  factor: number,
  at: Point = { x: room.width / 2, y: room.height / 2 }
): ViewBox {
  const scale = Math.min(
    MOST_SCALE,
    Math.max(LEAST_SCALE, view.scale * factor)
  );
  return {
    x: view.x + at.x / view.scale - at.x / scale,
    y: view.y + at.y / view.scale - at.y / scale,
    scale
  };
}

/** The same as SVG writes it. */
export const viewBoxOf = ({ x, y, scale }: ViewBox, room: Size): string =>
  [x, y, room.width / scale, room.height / scale]
    .map(one => Number(one.toFixed(2)))
    .join(' ');
