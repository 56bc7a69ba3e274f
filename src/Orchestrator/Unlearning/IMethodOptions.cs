using Hybrid.Orchestrator.Memory;
using Hybrid.Orchestrator.Model;

namespace Hybrid.Orchestrator.Unlearning;

/// <summary>A method's options: the section of a configuration that has the method's name.</summary>
public interface IMethodOptions
{
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
