using Hybrid.Orchestrator.Attack;
using Hybrid.Orchestrator.Runs;
using Hybrid.Orchestrator.Training;
using Hybrid.Orchestrator.Unlearning;

namespace Hybrid.Orchestrator.Experiments;

/// <summary>
/// An experiment as YAML. The keys are the properties of <see cref="ExperimentSettings"/> in kebab case; a method is the settings that
/// <see cref="SettingsYaml"/> reads, with <c>label</c> and <c>grid</c> beside them; attacks may begin with <c>preset</c>, and what <c>teaching</c> does not
/// give is the preset's that <c>teach</c> names. Reading is as strict as there.
/// </summary>
public static class ExperimentYaml
{
    private const string LabelKey = "label";
    private const string GridKey = "grid";

    /// <summary>Far more than anyone runs. Grids multiply, so that a short file could ask for more than memory holds.</summary>
    private const int MostCandidates = 2000;

    /// <summary>Reads a file, with single values replaced.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overrides">Each <c>path.to.key=value</c>, the value as YAML; positions in lists count from 0.</param>
    /// <param name="registry">What the file may call by name; null for what Hybrid brings.</param>
    /// <exception cref="HybridException">Config: the message names file, line and key; all problems of the settings' meaning stand in one line.</exception>
    public static ExperimentSettings Load(string path, IEnumerable<string> overrides, HybridRegistry? registry = null) => Bind(path, overrides.Aggregate(YamlTree.Load(path), Override), registry);

    /// <summary>The experiment that `hybrid demo` runs, configs/demo.yaml, with single values replaced.</summary>
    public static ExperimentSettings Demo(IEnumerable<string> overrides)
    {
        const string Resource = "demo.yaml";
        using var reader = new StreamReader(typeof(ExperimentYaml).Assembly.GetManifestResourceStream(Resource)!);
        return Bind(Resource, overrides.Aggregate(YamlTree.Parse(Resource, reader.ReadToEnd()), Override), HybridRegistry.BuiltIn);
    }

    /// <summary>Reads a text; <paramref name="file"/> is its name in errors.</summary>
    /// <exception cref="HybridException">Config, as for <see cref="Load"/>.</exception>
    public static ExperimentSettings Parse(string file, string text, HybridRegistry? registry = null) => Bind(file, YamlTree.Parse(file, text), registry);

    /// <summary>The settings, presets and overrides resolved, as YAML that <see cref="Parse"/> reads back.</summary>
    public static string Write(ExperimentSettings settings) => YamlText.Write(ToObject(settings));

    /// <summary>The same as nested dictionaries, lists, texts, numbers and booleans.</summary>
    public static IReadOnlyDictionary<string, object> ToObject(ExperimentSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var root = new OrderedDictionary<string, object>();
        foreach ((string key, object value) in SettingsBinder.Write(settings with { Methods = [] }))
        {
            root.Add(key, key == "methods" ? settings.Methods.Select(object (method) => ToObject(method)).ToArray() : value);
        }

        return root;
    }

    private static OrderedDictionary<string, object> ToObject(MethodPlan method)
    {
        var section = new OrderedDictionary<string, object> { { LabelKey, method.Label } };
        foreach ((string key, object value) in SettingsYaml.ToObject(method.Settings))
        {
            section.Add(key, value);
        }

        if (method.Grid.Count > 0)
        {
            section.Add(GridKey, new OrderedDictionary<string, object>(method.Grid.Select(axis => KeyValuePair.Create(axis.Key, (object)axis.Value.Select(object (value) => value).ToArray()))));
        }

        return section;
    }

    private static YamlMapping Override(YamlMapping root, string assignment)
    {
        int at = assignment.IndexOf('=', StringComparison.Ordinal);
        string source = $"--set {assignment}";
        if (at < 1)
        {
            throw new HybridException(ErrorKind.Config, $"{source}: expected path.to.key=value");
        }

        YamlValue value = YamlTree.Parse(source, $"value: {assignment[(at + 1)..]}").Entries[0].Value;
        return YamlTree.With(root, assignment[..at], value);
    }

    private static ExperimentSettings Bind(string file, YamlMapping root, HybridRegistry? given)
    {
        HybridRegistry registry = given ?? HybridRegistry.BuiltIn;
        int candidates = 0;
        var readers = new Dictionary<Type, Func<YamlValue, string, object>>
        {
            [typeof(MethodPlan)] = (value, key) =>
            {
                MethodPlan plan = ReadMethod(file, Section(file, value, key), key, registry, MostCandidates - candidates);
                candidates += plan.Candidates.Count;
                return plan;
            },
            [typeof(TeachingOptions)] = (value, key) => new SettingsBinder(file).Read(typeof(TeachingOptions), Section(file, value, key), key + ".", TeachingOf(root)),
            [typeof(RelearningOptions)] = (value, key) => ReadWithPreset(file, Section(file, value, key), key, RelearningPresets.Names, name => RelearningPresets.Find(name, DatasetNameOf(root))),
            [typeof(RetainRelearningOptions)] = (value, key) => ReadWithPreset(file, Section(file, value, key), key, RetainRelearningPresets.Names, name => RetainRelearningPresets.Find(name, DatasetNameOf(root))),
        };
        var settings = (ExperimentSettings)new SettingsBinder(file, readers).Read(typeof(ExperimentSettings), root, string.Empty, null);
        HybridException.ThrowIfAny(ErrorKind.Config, file, settings.Validate(registry));
        return settings;
    }

    /// <summary>The dataset's name as it stands; what is wrong with it is told where the dataset is read.</summary>
    private static string DatasetNameOf(YamlMapping root) => TextOf(root, "dataset", "name");

    /// <summary>How the named preset teaches; null where none is named.</summary>
    private static TeachingOptions? TeachingOf(YamlMapping root) =>
        TextOf(root, "model", "teach") is var preset && TeachingPresets.Names.Contains(preset) ? TeachingPresets.Find(preset).Teaching : null;

    /// <summary>A text of a section at the top, empty where there is none.</summary>
    private static string TextOf(YamlMapping root, string section, string key) =>
        root.Entries.FirstOrDefault(entry => entry.Key.Text == section).Value is YamlMapping found
        && found.Entries.FirstOrDefault(entry => entry.Key.Text == key).Value is YamlScalar value
            ? value.Text
            : string.Empty;

    private static object ReadWithPreset<T>(string file, YamlMapping section, string key, IReadOnlyList<string> presets, Func<string, T> find)
        where T : notnull
    {
        (string? preset, YamlMapping rest) = YamlPreset.Take(file, section, presets);
        return new SettingsBinder(file).Read(typeof(T), rest, key + ".", preset is null ? null : find(preset));
    }

    private static MethodPlan ReadMethod(string file, YamlMapping section, string key, HybridRegistry registry, int mostCandidates)
    {
        YamlValue? label = section.Entries.FirstOrDefault(entry => entry.Key.Text == LabelKey).Value;
        if (label is not YamlScalar { Text.Length: > 0 } text)
        {
            throw YamlTree.At(file, (label ?? section).Line, $"{key}.{LabelKey}: expected a text, found {label?.Description ?? "no such key"}");
        }

        YamlMapping rest = section with { Entries = [.. section.Entries.Where(entry => entry.Key.Text is not (LabelKey or GridKey))] };
        UnlearningSettings settings = SettingsYaml.Bind(file, rest, registry, text.Text);
        var grid = new OrderedDictionary<string, IReadOnlyList<string>>();
        IReadOnlyList<Candidate> candidates = [new Candidate(new Dictionary<string, string>(), settings)];
        if (section.Entries.FirstOrDefault(entry => entry.Key.Text == GridKey).Value is { } axes)
        {
            foreach ((YamlScalar path, YamlValue values) in Section(file, axes, $"{key}.{GridKey}").Entries)
            {
                YamlScalar[] scalars = values is YamlList { Items.Count: > 0 } list && list.Items.All(item => item is YamlScalar)
                    ? [.. list.Items.Cast<YamlScalar>()]
                    : throw YamlTree.At(file, values.Line, $"{key}.{GridKey}.{path.Text}: expected a list of values, found {values.Description}");
                grid.Add(path.Text, [.. scalars.Select(scalar => scalar.Text)]);
                if (scalars.DistinctBy(scalar => scalar.Text).Count() < scalars.Length)
                {
                    throw YamlTree.At(file, values.Line, $"{key}.{GridKey}.{path.Text}: a value stands twice");
                }

                if ((long)candidates.Count * scalars.Length > mostCandidates)
                {
                    throw YamlTree.At(file, path.Line, $"{key}.{GridKey}.{path.Text}: with it there are more than {MostCandidates} settings to try; expected fewer values");
                }

                candidates = [.. candidates.SelectMany(candidate => scalars.Select(scalar => With(file, candidate, path, scalar)))];
            }
        }

        return new MethodPlan { Label = text.Text, Settings = settings, Grid = grid, Candidates = candidates };
    }

    /// <summary>The candidate with one more setting of the method in place.</summary>
    private static Candidate With(string file, Candidate candidate, YamlScalar key, YamlScalar value) =>
        new(new OrderedDictionary<string, string>(candidate.Point) { { key.Text, value.Text } }, candidate.Settings.With(file, key, value));

    private static YamlMapping Section(string file, YamlValue value, string key) =>
        value as YamlMapping ?? throw YamlTree.At(file, value.Line, $"{key}: expected a section, found {value.Description}");
}
