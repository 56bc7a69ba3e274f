// Draws the page's charts from the block of JSON that it carries. Colours come from the style sheet, so that both themes have their own.
(() => {
  'use strict';

  const specs = JSON.parse(document.getElementById('report-data').textContent);
  const root = document.documentElement;
  const narrow = matchMedia('(max-width: 640px)');
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const charts = new Map();

  const color = name => getComputedStyle(root).getPropertyValue(name).trim();

  const line = (context, x1, y1, x2, y2) => {
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    context.stroke();
  };

  /** Bands of categories behind the bars; whiskers and reference lines before them. */
  const marks = {
    id: 'marks',

    beforeDatasetsDraw(chart) {
      const { ctx, chartArea: area, scales: { x } } = chart;
      const bands = chart.$spec.bands;
      if (bands.length === 0) {
        return;
      }

      const half = chart.$spec.categories.length > 1 ? (x.getPixelForValue(1) - x.getPixelForValue(0)) / 2 : (area.right - area.left) / 2;
      ctx.save();
      ctx.strokeStyle = color('--muted');
      ctx.lineWidth = 1;
      ctx.font = `12px ${Chart.defaults.font.family}`;
      ctx.textAlign = 'center';
      for (const band of bands) {
        const left = x.getPixelForValue(band.first) - half, right = x.getPixelForValue(band.last) + half;
        if (band.highlighted) {
          ctx.fillStyle = color('--band');
          ctx.fillRect(left, area.top, right - left, area.bottom - area.top);
        }

        ctx.setLineDash([2, 3]);
        line(ctx, right, area.top, right, area.bottom);
        ctx.fillStyle = color('--text');
        ctx.fillText(band.label, (left + right) / 2, area.top - 5);
      }

      ctx.restore();
    },

    afterDatasetsDraw(chart) {
      const { ctx, chartArea: area } = chart;
      const spec = chart.$spec, flat = chart.options.indexAxis === 'y';
      const values = flat ? chart.scales.x : chart.scales.y;
      ctx.save();
      ctx.strokeStyle = color('--muted');
      ctx.lineWidth = 1.5;
      for (const reference of spec.references) {
        const at = values.getPixelForValue(reference.value);
        ctx.setLineDash(reference.dash);
        if (flat) {
          line(ctx, at, area.top, at, area.bottom);
        } else {
          line(ctx, area.left, at, area.right, at);
        }
      }

      ctx.setLineDash([]);
      ctx.strokeStyle = color('--text');
      spec.series.forEach((series, index) => {
        const elements = chart.getDatasetMeta(index).data;
        series.points.forEach((point, i) => {
          if (point.low === null || point.high === null || !elements[i]) {
            return;
          }

          const low = values.getPixelForValue(point.low), high = values.getPixelForValue(point.high), cap = 4;
          if (flat) {
            const y = elements[i].y;
            line(ctx, low, y, high, y);
            line(ctx, low, y - cap, low, y + cap);
            line(ctx, high, y - cap, high, y + cap);
          } else {
            const x = elements[i].x;
            line(ctx, x, low, x, high);
            line(ctx, x - cap, low, x + cap, low);
            line(ctx, x - cap, high, x + cap, high);
          }
        });
      });
      ctx.restore();
    },
  };

  /** A label in lines of some letters, cut between words. */
  const wrap = (text, width) => text.split(' ').reduce((lines, word) => {
    const last = lines[lines.length - 1];
    if (last !== undefined && last.length + word.length < width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }

    return lines;
  }, []);

  const dataset = (spec, series, flat) => {
    const paint = color(series.color);
    if (series.form === 'bar') {
      // Where layers are parted in two series, each category has a bar of one of them only.
      const grouped = spec.bands.length === 0;
      const byIndex = new Map(series.points.map(point => [point.x, point.y]));
      return {
        type: 'bar', label: series.label, backgroundColor: paint, grouped, barPercentage: 0.86, categoryPercentage: 0.82,
        data: spec.categories.map((_, i) => byIndex.get(i) ?? null),
      };
    }

    return {
      type: 'line', order: -1, clip: 8, label: series.label, borderColor: paint, backgroundColor: paint, borderWidth: 2, borderDash: series.dash, pointStyle: series.marker,
      showLine: series.form === 'line', pointRadius: series.points.length > 40 ? 0 : 3.5, pointHitRadius: 8,
      data: series.points.map(point => flat ? { x: point.y, y: point.x } : { x: point.x, y: point.y }),
    };
  };

  const axis = (title, more) => ({
    title: { display: true, text: title, color: color('--muted') },
    grid: { color: color('--grid'), tickColor: color('--grid') },
    border: { color: color('--rule') },
    ...more,
    ticks: { color: color('--muted'), ...more.ticks },
  });

  const draw = (id, spec) => {
    const canvas = document.getElementById(id);
    // Names need room: on a narrow page they stand at the left of lying bars.
    const flat = spec.named && narrow.matches;
    canvas.parentElement.style.height = flat ? `${5 + spec.categories.length * 3.6}rem` : '';
    const places = spec.series.flatMap(series => series.points.map(point => point.x));
    const categories = axis(spec.x, spec.categories.length > 0
      ? { type: 'category', labels: spec.categories.map(name => wrap(name, flat ? 16 : 14)), grid: { display: false }, ticks: { autoSkip: !spec.named, maxRotation: 0 } }
      : { type: 'linear', ...(new Set(places).size > 1 ? { min: Math.min(...places), max: Math.max(...places) } : {}), ticks: { precision: 0, maxRotation: 0 } });
    if (flat) {
      categories.title.display = false;
    }

    const values = axis(spec.y, { type: 'linear', min: spec.yMinimum ?? undefined, max: spec.yMaximum ?? undefined, ticks: { maxTicksLimit: 6 } });
    const chart = new Chart(canvas, {
      data: { datasets: spec.series.map(series => dataset(spec, series, flat)) },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        indexAxis: flat ? 'y' : 'x',
        layout: { padding: { top: spec.bands.length > 0 ? 18 : 4, right: 8 } },
        interaction: { mode: 'nearest', intersect: false },
        scales: flat ? { x: values, y: categories } : { x: categories, y: values },
        plugins: {
          legend: { display: false },
          tooltip: {
            callbacks: {
              title: items => items.map(item => spec.categories.length > 0 ? `${spec.x}: ${spec.categories[item.dataIndex] ?? item.label}` : `${spec.x}: ${item.parsed.x}`)[0],
              label: item => {
                const series = spec.series[item.datasetIndex];
                const point = spec.categories.length > 0 ? series.points.find(found => found.x === item.dataIndex) : series.points[item.dataIndex];
                return `${series.label}: ${point.text}${spec.unit}${point.note ? ` (${point.note})` : ''}`;
              },
            },
          },
        },
      },
      plugins: [{ id: 'spec', beforeInit: made => { made.$spec = spec; } }, marks],
    });
    charts.set(id, chart);
  };

  const drawAll = () => {
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    Chart.defaults.font.size = 12;
    for (const [id, spec] of Object.entries(specs)) {
      charts.get(id)?.destroy();
      charts.delete(id);
      draw(id, spec);
    }

    root.dataset.charts = `${charts.size}/${document.querySelectorAll('canvas').length}`;
  };

  drawAll();
  dark.addEventListener('change', drawAll);
  narrow.addEventListener('change', drawAll);
  // Paper is white.
  addEventListener('beforeprint', () => { root.dataset.theme = 'light'; drawAll(); });
  addEventListener('afterprint', () => { delete root.dataset.theme; drawAll(); });
})();
