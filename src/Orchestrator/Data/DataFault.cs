namespace Hybrid.Orchestrator.Data;

/// <summary>What can be wrong with one line of a data file.</summary>
internal enum DataFaultKind
{
    /// <summary>A byte that is not UTF-8, or a byte order mark.</summary>
    Encoding,

    /// <summary>Not one JSON object.</summary>
    Json,

    /// <summary>A blank line that is not the file's last.</summary>
    BlankLine,

    /// <summary>A field that stands twice.</summary>
    DuplicateField,

    /// <summary>A field that this kind of file does not have.</summary>
    UnknownField,

    /// <summary>A required field that is absent.</summary>
    MissingField,

    /// <summary>A field of another type than expected.</summary>
    WrongType,

    /// <summary>A value of the right type that makes no sense: an answer out of range, a blank question, not four choices.</summary>
    BadValue,
}

/// <summary>A fault in a line of a data file.</summary>
/// <param name="Kind">Its category.</param>
/// <param name="Message">One line: file, line, what was expected and what was found.</param>
internal sealed record DataFault(DataFaultKind Kind, string Message);
