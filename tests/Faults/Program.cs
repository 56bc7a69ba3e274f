using System.CommandLine;
using System.Diagnostics;
using Hybrid.Faults;
using Hybrid.Faults.DuringRuns;
using Spectre.Console;

if (args is [SameBytesProcess.Argument, .. var digests])
{
    return SameBytesProcess.Print(digests);
}

ITrial[] trials =
[
    new KillTrial(),
    new NativeTrial(),
    new OfflineTrial(),
    new DeterminismTrial(),
    new HostileFilesTrial(),
    new SafetensorsTrial(),
    new FaultsTrial(),
];
string[] names = [.. trials.Select(trial => trial.Name)];
var only = new Option<string[]>("--only") { Description = $"which trials: {string.Join(", ", names)}", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => names };
only.AcceptOnlyFromAmong(names);
var seed = new Option<ulong>("--seed") { Description = "where all chance comes from", DefaultValueFactory = _ => (ulong)DateTime.UtcNow.Ticks };
var share = new Option<double>("--share") { Description = "share of the full number of repetitions, more than 0 to 1", DefaultValueFactory = _ => 1 };
share.Validators.Add(result =>
{
    if (result.GetValueOrDefault<double>() is not (> 0 and <= 1))
    {
        result.AddError("--share: expected more than 0 to 1");
    }
});
var hybrid = new Option<string>("--hybrid") { Description = "the published command line", DefaultValueFactory = _ => "artifacts/bin/hybrid" };
var root = new RootCommand("Makes trouble on purpose: kills, faults, hostile input; prints what was tried and what became of it.") { only, seed, share, hybrid };
root.SetAction(parsed =>
{
    Console.WriteLine($"seed {parsed.GetValue(seed)}");
    var table = new Table().AddColumns("trial", "what", "times", "outcome", "seconds");
    bool good = true;
    foreach (ITrial trial in trials.Where(trial => parsed.GetValue(only)!.Contains(trial.Name)))
    {
        DirectoryInfo scratch = Directory.CreateTempSubdirectory($"hybrid-faults-{trial.Name}-");
        try
        {
            var clock = Stopwatch.StartNew();
            var surroundings = new Surroundings(
                Path.GetFullPath(parsed.GetValue(hybrid)!), Directory.GetCurrentDirectory(), scratch.FullName, parsed.GetValue(seed), parsed.GetValue(share), line => Console.Error.WriteLine($"{trial.Name}: {line}"));
            foreach (Finding finding in trial.Run(surroundings))
            {
                good &= finding.Good;
                Console.WriteLine($"{(finding.Good ? "good" : "BAD ")} {trial.Name}: {finding.What}: {finding.Count}: {finding.Outcome}");
                table.AddRow(Markup.Escape(trial.Name), Markup.Escape(finding.What), $"{finding.Count:N0}", Markup.Escape(finding.Good ? finding.Outcome : $"BAD: {finding.Outcome}"), $"{clock.Elapsed.TotalSeconds:F0}");
            }
        }
        finally
        {
            scratch.Delete(recursive: true);
        }
    }

    AnsiConsole.Write(table);
    return good ? 0 : 1;
});
return root.Parse(args).Invoke();
