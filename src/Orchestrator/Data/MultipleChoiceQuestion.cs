using System.Collections.ObjectModel;

namespace Hybrid.Orchestrator.Data;

/// <summary>
/// A question with four choices, one of which is right. Immutable; two are equal when the question, every choice in its place and the
/// answer are equal, character for character.
/// </summary>
public sealed record MultipleChoiceQuestion
{
    /// <summary>How many choices every question has: the prompt has the letters A to D.</summary>
    public const int ChoiceCount = 4;

    /// <summary>The question as it stands in the file: it may hold line breaks, and is not trimmed.</summary>
    /// <exception cref="ArgumentException">The value is empty or blank.</exception>
    public required string Question
    {
        get;
        init
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(value);
            field = value;
        }
    }

    /// <summary>The four choices in the order in which they are shown. Repeated choices are legal: published data has some.</summary>
    /// <exception cref="ArgumentException">There are not exactly four, or one is empty or blank.</exception>
    public required IReadOnlyList<string> Choices
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Count != ChoiceCount || value.Any(string.IsNullOrWhiteSpace))
            {
                throw new ArgumentException($"expected {ChoiceCount} choices, none of them blank, found {value.Count}", nameof(value));
            }

            field = new ReadOnlyCollection<string>([.. value]);
        }
    }

    /// <summary>The position of the right choice, 0 to 3.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is not from 0 to 3.</exception>
    public required int Answer
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, ChoiceCount);
            field = value;
        }
    }

    /// <summary>The text of the right choice.</summary>
    public string CorrectChoice => Choices[Answer];

    /// <summary>Compares by value, choice by choice.</summary>
    /// <param name="other">The question to compare with.</param>
    /// <returns>True when all three parts are equal.</returns>
    public bool Equals(MultipleChoiceQuestion? other) =>
        other is not null
        && Answer == other.Answer
        && string.Equals(Question, other.Question, StringComparison.Ordinal)
        && Choices.SequenceEqual(other.Choices, StringComparer.Ordinal);

    /// <summary>A hash that agrees with <see cref="Equals(MultipleChoiceQuestion)"/>.</summary>
    /// <returns>The hash.</returns>
    public override int GetHashCode() => HashCode.Combine(Question, Answer, Choices[0], Choices[1], Choices[2], Choices[3]);
}
