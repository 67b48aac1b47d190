import type { TranslationBundle } from '@jupyterlab/translation';
import {
  JSX,
  KeyboardEvent,
  PointerEvent,
  useEffect,
  useRef,
  useState
} from 'react';

import {
  fitted,
  moved,
  ViewBox,
  viewBoxOf,
  ZOOM_STEP,
  zoomed
} from '../figures/canvas';
import { shortened } from '../figures/numbers';
import type {
  DrawnEdge,
  DrawnNode,
  LineageGraph as Graph
} from '../services/api';
import { Section } from './Section';
import { useWidth } from './useWidth';
import { nodeWord } from './words';

/** Letters of a label that a node has room for. */
const MOST_LETTERS = 23;
/** With more edges than this their words would cover each other. */
const FEW_EDGES = 24;
/** The least and the most room that the picture takes, in pixels. */
const LEAST_HEIGHT = 180;
const MOST_HEIGHT = 560;
/** The colour of each kind of node. */
const COLOURS: Readonly<Record<string, number>> = {
  run: 0,
  artifact: 1,
  dataset_version: 2,
  alert: 3,
  drift_report: 3,
  cell: 4,
  feature: 5,
  model_version: 6,
  card: 7,
  monitor: 8
};
/** How far an arrow key moves, in pixels. */
const STEP = 60;

/** Where a run came from and what came of it: drawn by the server, moved and looked at closer here. */
export function LineageGraph(props: LineageGraph.IProps): JSX.Element | null {
  const { graph, trans } = props;
  const box = useRef<HTMLDivElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const width = useWidth(box, 300, 900);
  const drawing = graph.drawing;
  const size = { width: drawing?.width ?? 1, height: drawing?.height ?? 1 };
  const height = Math.min(MOST_HEIGHT, Math.max(LEAST_HEIGHT, size.height));
  const room = { width, height };
  const focus = drawing?.nodes.find(
    one => one.kind === graph.of.kind && one.id === graph.of.id
  );
  const start = fitted(size, room, focus);
  // As long as nobody has moved it, it fits the room there is.
  const [chosen, setChosen] = useState<ViewBox | null>(null);
  const view = chosen ?? start;
  const latest = useRef({ view, room });
  latest.current = { view, room };
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);

  // React's own wheel events can't keep the page from being zoomed.
  useEffect(() => {
    const canvas = svg.current;
    const onWheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) {
        return;
      }
      event.preventDefault();
      const { left, top } = (
        event.currentTarget as Element
      ).getBoundingClientRect();
      const now = latest.current;
      setChosen(
        zoomed(now.view, now.room, Math.exp(-event.deltaY / 300), {
          x: event.clientX - left,
          y: event.clientY - top
        })
      );
    };
    canvas?.addEventListener('wheel', onWheel, { passive: false });
    return () => canvas?.removeEventListener('wheel', onWheel);
  }, []);

  if (drawing === null) {
    return null;
  }
  const zoom = (factor: number): void => setChosen(zoomed(view, room, factor));
  const move = (x: number, y: number): void => setChosen(moved(view, x, y));
  const onKeyDown = (event: KeyboardEvent): void => {
    const act = {
      ArrowLeft: () => move(STEP, 0),
      ArrowRight: () => move(-STEP, 0),
      ArrowUp: () => move(0, STEP),
      ArrowDown: () => move(0, -STEP),
      '+': () => zoom(ZOOM_STEP),
      '=': () => zoom(ZOOM_STEP),
      '-': () => zoom(1 / ZOOM_STEP),
      '0': () => setChosen(null)
    }[event.key];
    if (act !== undefined && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };
  const onPointerDown = (event: PointerEvent<SVGSVGElement>): void => {
    if (event.button === 0 && nodeOf(event.target) === null) {
      event.currentTarget.setPointerCapture(event.pointerId);
      setDrag([event.clientX, event.clientY]);
    }
  };
  const onPointerMove = (event: PointerEvent<SVGSVGElement>): void => {
    if (drag !== null) {
      move(event.clientX - drag[0], event.clientY - drag[1]);
      setDrag([event.clientX, event.clientY]);
    }
  };
  const isLabelled = drawing.edges.length <= FEW_EDGES;
  return (
    <Section
      title={trans.__('Lineage')}
      count={graph.nodes.length}
      tools={
        <span className="jp-nbproof-Lineage-tools">
          <Tool
            word={trans.__('Zoom in')}
            sign="+"
            onClick={() => zoom(ZOOM_STEP)}
          />
          <Tool
            word={trans.__('Zoom out')}
            sign="−"
            onClick={() => zoom(1 / ZOOM_STEP)}
          />
          <Tool
            word={trans.__('Show all')}
            sign="⤢"
            onClick={() => setChosen(null)}
          />
        </span>
      }
    >
      <div ref={box} className="jp-nbproof-Lineage">
        <svg
          ref={svg}
          className="jp-nbproof-Lineage-canvas"
          width={width}
          height={height}
          viewBox={viewBoxOf(view, room)}
          // It is a figure with links in it, that the keyboard moves.
          tabIndex={0}
          role="group"
          aria-label={trans.__(
            'Lineage of %1: %2 nodes, %3 edges. Arrow keys move it, plus and minus zoom, 0 shows all.',
            graph.of.label,
            graph.nodes.length,
            graph.edges.length
          )}
          data-dragged={drag !== null || undefined}
          onKeyDown={onKeyDown}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={() => setDrag(null)}
          onPointerCancel={() => setDrag(null)}
        >
          {drawing.edges.map((edge, place) => (
            <Line key={place} edge={edge} isLabelled={isLabelled} />
          ))}
          {drawing.nodes.map((node, place) => (
            <Node
              key={place}
              node={node}
              width={drawing.node_width}
              height={drawing.node_height}
              isFocus={node === focus}
              trans={trans}
              onOpen={
                node !== focus && node.id !== null && props.canOpen(node)
                  ? () => props.onOpen(node)
                  : null
              }
            />
          ))}
        </svg>
      </div>
      {!graph.complete && (
        <p className="jp-nbproof-dim">
          {trans.__(
            'There is more than is shown here: nbproof lineage show %1',
            graph.of.label
          )}
        </p>
      )}
    </Section>
  );
}

export namespace LineageGraph {
  export interface IProps {
    /** With its drawing. */
    graph: Graph;
    /** Whether there is a page for a node. */
    canOpen: (node: DrawnNode) => boolean;
    onOpen: (node: DrawnNode) => void;
    trans: TranslationBundle;
  }
}

function Tool({
  word,
  sign,
  onClick
}: {
  word: string;
  sign: string;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-nbproof-IconButton"
      aria-label={word}
      title={word}
      onClick={onClick}
    >
      <span aria-hidden="true">{sign}</span>
    </button>
  );
}

function Line({
  edge,
  isLabelled
}: {
  edge: DrawnEdge;
  isLabelled: boolean;
}): JSX.Element {
  return (
    <g className="jp-nbproof-Lineage-edge" data-back={edge.back || undefined}>
      <title>{edge.relation}</title>
      <path d={edge.path} />
      <polygon points={edge.head} />
      {isLabelled && (
        <text x={edge.x} y={edge.y + 3}>
          {shortened(edge.relation, 14)}
        </text>
      )}
    </g>
  );
}

function Node({
  node,
  width,
  height,
  isFocus,
  trans,
  onOpen
}: {
  node: DrawnNode;
  width: number;
  height: number;
  isFocus: boolean;
  trans: TranslationBundle;
  onOpen: (() => void) | null;
}): JSX.Element {
  const left = node.x - width / 2;
  const top = node.y - height / 2;
  const kind = nodeWord(node.kind, trans);
  const link =
    onOpen === null
      ? {}
      : {
          role: 'link',
          tabIndex: 0,
          onClick: onOpen,
          onKeyDown: (event: KeyboardEvent) => {
            if (event.key === 'Enter') {
              event.preventDefault();
              event.stopPropagation();
              onOpen();
            }
          }
        };
  return (
    <g
      className="jp-nbproof-Lineage-node"
      data-kind={node.kind}
      data-colour={COLOURS[node.kind] ?? 9}
      data-focus={isFocus || undefined}
      aria-label={`${node.label}, ${kind}`}
      {...link}
    >
      <title>{`${node.label}\n${kind}`}</title>
      {node.count > 1 && (
        <rect
          className="jp-nbproof-Lineage-box"
          x={left + 4}
          y={top + 4}
          width={width}
          height={height}
          rx="4"
        />
      )}
      <rect
        className="jp-nbproof-Lineage-box"
        x={left}
        y={top}
        width={width}
        height={height}
        rx="4"
      />
      <rect
        className="jp-nbproof-Lineage-mark"
        x={left}
        y={top}
        width="5"
        height={height}
        rx="2"
      />
      <text className="jp-nbproof-Lineage-label" x={left + 12} y={top + 15}>
        {shortened(node.label, MOST_LETTERS)}
      </text>
      <text className="jp-nbproof-Lineage-kind" x={left + 12} y={top + 29}>
        {kind}
      </text>
    </g>
  );
}

/** The node that a thing on the screen is part of. */
const nodeOf = (target: EventTarget): Element | null =>
  target instanceof Element
    ? target.closest('.jp-nbproof-Lineage-node[role="link"]')
    : null;
