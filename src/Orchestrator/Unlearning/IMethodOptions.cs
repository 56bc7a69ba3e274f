using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>
/// A method's options: the section of a configuration that has the method's name. An implementation is a record with a constructor without parameters, whose
/// properties that can be set are the section's keys.
/// </summary>
public interface IMethodOptions
{
    /// <summary>The method's name in configurations and on the command line, the same for all values: small letters, digits and hyphens.</summary>
    string Method { get; }

    /// <summary>What the method is given beside the forget set, to teach in its place.</summary>
    ReplacementKind Replacements => ReplacementKind.None;

    /// <summary>Every problem, one line each.</summary>
    IEnumerable<string> Validate();

    /// <summary>Makes sure that a model of this shape has what the options speak of; asked before weights are loaded, and by the method itself.</summary>
    /// <exception cref="HybridException">BlockPlan: it has not.</exception>
    void RequireFits(LlamaConfig model)
    {
    }

    /// <summary>What each stage on these examples takes at its fullest.</summary>
    IReadOnlyList<StageMemory> Memory(MemoryPlanner planner, UnlearningExamples examples);

    /// <summary>The method with these options.</summary>
    IUnlearningMethod CreateMethod();
}
