namespace Hybrid.Orchestrator;

/// <summary>What went wrong, in the categories a caller can act on. The command line gives each its own exit code.</summary>
public enum ErrorKind
{
    /// <summary>A model folder is missing a file, or a file in it is truncated or malformed.</summary>
    ModelFile,

    /// <summary>The model asks for a feature that is not implemented.</summary>
    UnsupportedModel,

    /// <summary>The tokenizer is malformed, or does not belong to the model.</summary>
    Tokenizer,

    /// <summary>A dataset file is missing or a line in it is malformed.</summary>
    DataFile,

    /// <summary>The model's layers cannot be cut into the blocks asked for.</summary>
    BlockPlan,

    /// <summary>A forget, retain, T or V set has no examples.</summary>
    EmptySplit,

    /// <summary>Training met a loss that is not a finite number.</summary>
    Diverged,

    /// <summary>A configuration file or option is invalid.</summary>
    Config,

    /// <summary>Numbers that had to agree do not (parity, tokenizer vectors).</summary>
    Mismatch,

    /// <summary>A file could not be read or written.</summary>
    Io,

    /// <summary>There is not enough memory for what is asked.</summary>
    Memory,

    /// <summary>A run that was repeated did not come out the same.</summary>
    NotRepeated,
}

/// <summary>
/// A failure with a cause the user can mend. The message names the file, line or key and what was expected, on one line of at most 2000
/// characters whatever the file that it quotes holds.
/// </summary>
public sealed class HybridException(ErrorKind kind, string message, Exception? innerException = null)
    : Exception(OneLine.Of(message), innerException)
{
    /// <summary>The same with a message whose numbers are written as in files, whatever the thread's culture: the compiler takes this one for <c>$"…"</c>.</summary>
    internal HybridException(ErrorKind kind, InvariantText message, Exception? innerException = null)
        : this(kind, message.Take(), innerException)
    {
    }

    /// <summary>The category of the failure.</summary>
    public ErrorKind Kind { get; } = kind;

    /// <summary>Passes where there is no problem; otherwise throws one error that tells them all.</summary>
    /// <param name="kind">The category.</param>
    /// <param name="where">The file or the thing that the problems are in.</param>
    /// <param name="problems">What a <c>Validate()</c> answered.</param>
    public static void ThrowIfAny(ErrorKind kind, string where, IEnumerable<string> problems)
    {
        string[] found = [.. problems];
        if (found.Length > 0)
        {
            throw new HybridException(kind, $"{where}: {string.Join("; ", found)}");
        }
    }
}
