namespace Hybrid.Orchestrator.Unlearning;

/// <summary>A method's options: the section of a configuration that has the method's name.</summary>
public interface IMethodOptions
{
    /// <summary>Every problem, one line each.</summary>
    IEnumerable<string> Validate();

    /// <summary>The method with these options.</summary>
    IUnlearningMethod CreateMethod();
}
