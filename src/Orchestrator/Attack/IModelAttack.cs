using Hybrid.Orchestrator.Checkpoints;
using Hybrid.Orchestrator.Data;
using Hybrid.Orchestrator.Model;
using Hybrid.Orchestrator.Text;
using Hybrid.Orchestrator.Training;

namespace Hybrid.Orchestrator.Attack;

/// <summary>
/// An attack of one's own, which an experiment asks for by its name: <c>attacks: { own: [ … ] }</c>. It may do to a copy of the unlearned model what it
/// likes with what an attacker has; the experiment then asks the copy the held-out questions, and the accuracy stands in the report.
/// </summary>
public interface IModelAttack
{
    /// <summary>The name: small letters, digits and hyphens.</summary>
    string Name { get; }

    /// <summary>Anything that changes when <see cref="Attack"/> would do something else: what another version has found is found anew.</summary>
    string Version { get; }

    /// <summary>Attacks; called once for each reporting fold, maybe from several threads.</summary>
    /// <exception cref="HybridException">Any kind; it ends the experiment, whose other results are kept.</exception>
    void Attack(AttackTarget target);
}

/// <summary>What an attack works on.</summary>
public sealed record AttackTarget
{
    /// <summary>A copy of the unlearned model, to be changed in place.</summary>
    public required LlamaModel Model { get; init; }

    /// <summary>Its tokenizer.</summary>
    public required Tokenizer Tokenizer { get; init; }

    /// <summary>Makes token sequences.</summary>
    public required ExampleEncoder Encoder { get; init; }

    /// <summary>T: the forgotten questions that the attacker knows; those that are asked afterwards are not among them.</summary>
    public required IReadOnlyList<MultipleChoiceQuestion> Known { get; init; }

    /// <summary>Text that has nothing to do with them.</summary>
    public required TextCorpus RetainText { get; init; }

    /// <summary>The experiment's chance for this attack: the same for every method of a seed, another for every fold.</summary>
    public required SeededRandom Random { get; init; }

    /// <summary>Told of steps.</summary>
    public required IProgress<TrainingProgress> Progress { get; init; }

    /// <summary>What the attack may survive its process by; <see cref="EpochLoop"/> takes it.</summary>
    public required RunJournal Journal { get; init; }

    /// <summary>Stops the attack between two steps.</summary>
    public required CancellationToken Cancellation { get; init; }
}
