// Turns lines of values into what uPlot draws: colours of the theme, axes with units, a band, marks, a range by dragging.
import uPlot from 'uplot';
import { civil, type Zone } from './time';

export interface Line {
  name: string;
  values: (number | null)[];
  /** Name of a custom property of the theme. */
  color: string;
  dash?: number[];
  fill?: boolean;
  hidden?: boolean;
  /** The reading at an index, where it is not the value alone. */
  text?: (index: number) => string;
}

export interface Span {
  since: number;
  until: number;
}

export interface Drawing {
  times: number[];
  lines: Line[];
  stacked: boolean;
  band?: [number, number] | undefined;
  marks: Span[];
  /** Marks as a strip along the top, where they would cover too much. */
  strip: boolean;
  width: number;
  height: number;
  zone: Zone;
  format: (value: number | null) => string;
  onrange?: ((since: number, until: number) => void) | undefined;
  onpoint: (index: number | null, left: number) => void;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const pad = (n: number) => String(n).padStart(2, '0');

function timeLabel(at: number, step: number, zone: Zone): string {
  const c = civil(new Date(at * 1000), zone);
  if (step >= 86_400 || (c.hour === 0 && c.minute === 0 && c.second === 0 && step >= 3600)) return `${pad(c.month)}-${pad(c.day)}`;
  return `${pad(c.hour)}:${pad(c.minute)}` + (step < 60 ? `:${pad(c.second)}` : '');
}

/** Each line on top of those before it. */
export function piled(lines: (number | null)[][]): number[][] {
  const sum: number[] = [];
  return lines.map((line) =>
    line.map((value, i) => {
      sum[i] = (sum[i] ?? 0) + (value ?? 0);
      return sum[i];
    }),
  );
}

function axes(of: Drawing): uPlot.Axis[] {
  const ink = css('--soft');
  const grid = { stroke: css('--faint'), width: 1 };
  const font = `11px ${css('--sans')}`;
  const common = { stroke: ink, font, ticks: { show: false }, grid };
  return [
    { ...common, grid: { show: false }, space: 70, size: 26, values: (_u, splits, _a, _s, step) => splits.map((at) => timeLabel(at, step, of.zone)) },
    { ...common, size: 64, gap: 6, space: 36, values: (_u, splits) => splits.map((value) => of.format(value)) },
  ];
}

function shade(of: Drawing): (plot: uPlot) => void {
  const color = css(of.strip ? '--high' : '--mark');
  return (plot) => {
    plot.ctx.save();
    plot.ctx.fillStyle = color;
    for (const { since, until } of of.marks) {
      const [left, right] = [plot.valToPos(since, 'x', true), plot.valToPos(until, 'x', true)];
      const from = Math.max(left, plot.bbox.left);
      const to = Math.min(Math.max(right, left + 2), plot.bbox.left + plot.bbox.width);
      if (to > from) plot.ctx.fillRect(from, plot.bbox.top, Math.max(2, to - from), of.strip ? 4 * devicePixelRatio : plot.bbox.height);
    }
    plot.ctx.restore();
  };
}

/** What uPlot is to draw. Piled lines are drawn from the topmost down, so that each covers what is below it. */
export function drawn(of: Drawing): { options: uPlot.Options; data: uPlot.AlignedData } {
  const order = of.lines.map((_, i) => i);
  if (of.stacked) order.reverse();
  const values = of.stacked ? piled(of.lines.map((line) => line.values)) : of.lines.map((line) => line.values);
  const step = (of.times[1] ?? 0) - (of.times[0] ?? 0);
  const series: uPlot.Series[] = order.map((i) => {
    const line = of.lines[i]!;
    const color = css(line.color);
    const inBand = of.band?.includes(i);
    return {
      stroke: inBand ? 'transparent' : of.stacked ? css('--card') : color,
      width: of.stacked ? 0.75 : 1.75,
      ...(line.dash ? { dash: line.dash } : {}),
      ...(of.stacked ? { fill: color } : line.fill ? { fill: color + '22' } : {}),
      points: { show: of.times.length < 2, size: 6, fill: color },
      spanGaps: false,
    };
  });
  const options: uPlot.Options = {
    width: Math.max(of.width, 100),
    height: of.height,
    padding: [10, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: !of.stacked, size: 6 }, drag: { x: Boolean(of.onrange), y: false, setScale: false } },
    scales: { x: { time: true }, y: { range: (_u, low, high) => [Math.min(0, low ?? 0), (high ?? 0) > 0 ? high * 1.06 : 1] } },
    axes: axes(of),
    series: [{}, ...series],
    ...(of.band ? { bands: [{ series: [of.band[0] + 1, of.band[1] + 1], fill: css('--band') }] } : {}),
    hooks: {
      drawClear: [shade(of)],
      setCursor: [(plot) => of.onpoint(plot.cursor.idx ?? null, plot.cursor.left ?? 0)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (!of.onrange || width < 4) return;
          of.onrange(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x') + (width < 12 ? step : 0));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
    ...(of.zone === 'utc' ? { tzDate: (at: number) => uPlot.tzDate(new Date(at * 1000), 'Etc/UTC') } : {}),
  };
  return { options, data: [of.times, ...order.map((i) => values[i]!)] as uPlot.AlignedData };
}
