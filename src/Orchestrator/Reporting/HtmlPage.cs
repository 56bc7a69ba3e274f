using System.Text;

namespace Hybrid.Orchestrator.Reporting;

/// <summary>Writes HTML: every text is escaped, every element closed, every id used once.</summary>
internal sealed class HtmlPage
{
    private readonly StringBuilder html = new();
    private readonly List<(string Id, ChartData Chart)> charts = [];
    private readonly HashSet<string> ids = new(StringComparer.Ordinal);

    /// <summary>What ids begin with: the run's name, since several runs on a page have the same sections.</summary>
    public string IdPrefix { get; set; } = string.Empty;

    /// <summary>The charts so far with their canvases' ids.</summary>
    public IReadOnlyList<(string Id, ChartData Chart)> Charts => charts;

    /// <summary>A text in which nothing is markup. Characters that HTML does not allow become the replacement character.</summary>
    public static string Escape(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (char letter in text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n'))
        {
            escaped.Append(letter switch
            {
                '<' => "&lt;",
                '>' => "&gt;",
                '&' => "&amp;",
                '"' => "&quot;",
                '\'' => "&#39;",
                _ when char.IsControl(letter) && letter is not '\n' and not '\t' => "\uFFFD",
                _ => letter.ToString(),
            });
        }

        return escaped.ToString();
    }

    /// <summary>Text.</summary>
    public void Text(string text) => html.Append(Escape(text));

    /// <summary>Markup as it stands.</summary>
    public void Markup(string markup) => html.Append(markup);

    /// <summary>An element that holds text.</summary>
    public void Element(string tag, string? cssClass, string text, string? id = null) => Container(tag, cssClass, () => Text(text), id);

    /// <summary>An element that holds others.</summary>
    public void Container(string tag, string? cssClass, Action content, string? id = null)
    {
        html.Append('<').Append(tag);
        Attribute("class", cssClass);
        Attribute("id", id is null ? null : NewId(id));
        html.Append('>');
        content();
        html.Append("</").Append(tag).Append(">\n");
    }

    /// <summary>A link to another place of the page.</summary>
    public void Link(string id, string text) => html.Append("<a href=\"#").Append(Escape(IdOf(id))).Append("\">").Append(Escape(text)).Append("</a>");

    /// <summary>Something that opens and closes, closed at first.</summary>
    public void Fold(string summary, Action content) => Container("details", null, () =>
    {
        Element("summary", null, summary);
        content();
    });

    /// <summary>A table, which scrolls in a container of its own where the page is narrow; its caption, which does not, above that.</summary>
    public void Table(ReportTable table, bool captioned = true)
    {
        if (captioned)
        {
            Element("p", "caption", table.Caption);
        }

        Markup($"<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"{Escape(table.Caption)}\">");
        Container("table", null, () =>
        {
            Container("thead", null, () => Container("tr", null, () =>
            {
                foreach (ReportColumn column in table.Columns)
                {
                    // A unit stays with the word before it.
                    Element("th", column.IsNumber ? "number" : null, column.Heading.Replace(", %", ",\u00A0%", StringComparison.Ordinal));
                }
            }));
            Container("tbody", null, () =>
            {
                foreach (IReadOnlyList<ReportCell> row in table.Rows)
                {
                    Container("tr", null, () => Row(table.Columns, row));
                }
            });
        });
        Markup("</div>\n");
        foreach (string note in table.Notes)
        {
            Element("p", "note", note);
        }
    }

    /// <summary>A chart's place, its legend, and its numbers in a fold.</summary>
    public void Chart(ChartData chart)
    {
        string id = NewId(chart.Name);
        charts.Add((id, chart));
        Container("figure", "chart", () =>
        {
            Element("figcaption", null, chart.Title);
            Container("div", "plot", () => html.Append("<canvas id=\"").Append(Escape(id)).Append("\" role=\"img\" aria-label=\"").Append(Escape(Spoken(chart))).Append("\"></canvas>"));
            Container("ul", "legend", () => Legend(chart));
            Fold("Numbers", () => Table(ChartNumbers.TableOf(chart), captioned: false));
        });
    }

    /// <inheritdoc/>
    public override string ToString() => html.ToString();

    private static string Spoken(ChartData chart) =>
        $"{chart.Title}. {chart.YTitle} by {chart.XTitle}, for {string.Join(", ", chart.Series.Select(series => series.Label))}. The numbers are in the table below.";

    private void Row(IReadOnlyList<ReportColumn> columns, IReadOnlyList<ReportCell> row)
    {
        for (int i = 0; i < row.Count; i++)
        {
            ReportCell cell = row[i];
            Container("td", columns[i].IsNumber ? "number" : null, () =>
            {
                Markup(cell.IsBest ? $"<strong>{Escape(cell.Text)}</strong>" : Escape(cell.Text));
                if (cell.Detail.Length > 0)
                {
                    Markup($" <small>{Escape(cell.Detail)}</small>");
                }
            });
        }
    }

    private void Legend(ChartData chart)
    {
        foreach (ChartSeries series in chart.Series)
        {
            Entry(ChartStyle.Swatch(series), series.Label);
        }

        foreach (ChartReference line in chart.References)
        {
            Entry(ChartStyle.ReferenceSwatch(line), chart.IsShare ? $"{line.Label} {FigureText.WithSign(line.Value)}" : $"{line.Label} {FigureText.Fixed(line.Value, 3)}");
        }

        void Entry(string swatch, string label) => Container("li", null, () => Markup(swatch + Escape(label)));
    }

    private void Attribute(string name, string? value)
    {
        if (value is not null)
        {
            html.Append(' ').Append(name).Append("=\"").Append(Escape(value)).Append('"');
        }
    }

    private string IdOf(string id) => IdPrefix.Length == 0 ? id : id.Length == 0 ? IdPrefix : $"{IdPrefix}-{id}";

    private string NewId(string id)
    {
        string full = IdOf(id);
        return ids.Add(full) ? full : throw new InvalidOperationException($"the id {full} stands twice on the page");
    }
}
