using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Hybrid.Interop;

/// <summary>What a shared library says of itself, read from its file without loading it: 64-bit little-endian ELF with its table of sections.</summary>
internal sealed record ElfFile
{
    private const int HeaderBytes = 64, SectionBytes = 64, EntryBytes = 16;
    private const int MostBytes = 16 << 20; // of one section read here; those of libraries with 10,000 symbols have 1 MB
    private const uint DynamicType = 6;
    private const long NeededTag = 1, OldSearchTag = 15, SearchTag = 29; // DT_NEEDED, DT_RPATH, DT_RUNPATH

    /// <summary>The file's path.</summary>
    public required string Path { get; init; }

    /// <summary>The names of the libraries behind it, in its order.</summary>
    public required IReadOnlyList<string> Needed { get; init; }

    /// <summary>The folders where it wants them to be looked for, <c>$ORIGIN</c> filled in.</summary>
    public required IReadOnlyList<string> SearchFolders { get; init; }

    /// <summary>The text in the section that native/src/libtorch_version.cpp makes, e.g. 2.1.0; null where there is none.</summary>
    public required string? LibTorchVersion { get; init; }

    /// <summary>Reads a file.</summary>
    /// <returns>Null where it is no such file, or not a whole one.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ElfFile? Read(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        try
        {
            return Parse(path, file);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static ElfFile Parse(string path, SafeFileHandle file)
    {
        byte[] header = Bytes(file, 0, HeaderBytes);
        const int ClassAt = 4, OrderAt = 5, Bits64 = 2, LittleEndian = 1;
        if (!header.AsSpan().StartsWith("\u007fELF"u8) || header[ClassAt] != Bits64 || header[OrderAt] != LittleEndian)
        {
            throw new InvalidDataException();
        }

        ulong tableAt = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(0x28));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(0x3C)), namesIndex = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(0x3E));
        byte[] table = Bytes(file, tableAt, (ulong)count * SectionBytes);
        Section[] sections = [.. Enumerable.Range(0, count).Select(i => Section.Parse(table.AsSpan(i * SectionBytes, SectionBytes)))];
        byte[] names = Content(file, sections, (uint)namesIndex);

        List<string> needed = [], folders = [];
        foreach (Section section in sections.Where(section => section.Type == DynamicType))
        {
            byte[] entries = Bytes(file, section.Offset, section.Size), texts = Content(file, sections, section.Link);
            for (int at = 0; at + EntryBytes <= entries.Length; at += EntryBytes)
            {
                long tag = BinaryPrimitives.ReadInt64LittleEndian(entries.AsSpan(at));
                ulong value = BinaryPrimitives.ReadUInt64LittleEndian(entries.AsSpan(at + sizeof(long)));
                if (tag == NeededTag)
                {
                    needed.Add(Text(texts, value));
                }
                else if (tag is OldSearchTag or SearchTag)
                {
                    string origin = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
                    folders.AddRange(Text(texts, value).Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => folder.Replace("$ORIGIN", origin, StringComparison.Ordinal)));
                }
            }
        }

        Section? version = sections.FirstOrDefault(section => Text(names, section.Name) == ".hybrid.libtorch");
        return new ElfFile { Path = path, Needed = needed, SearchFolders = folders, LibTorchVersion = version is null ? null : Text(Bytes(file, version.Offset, version.Size), 0) };
    }

    private static byte[] Content(SafeFileHandle file, Section[] sections, uint index) =>
        index < sections.Length ? Bytes(file, sections[index].Offset, sections[index].Size) : throw new InvalidDataException();

    private static byte[] Bytes(SafeFileHandle file, ulong offset, ulong size)
    {
        ulong length = (ulong)RandomAccess.GetLength(file);
        if (size > MostBytes || offset > length || size > length - offset)
        {
            throw new InvalidDataException();
        }

        byte[] bytes = new byte[size];
        return RandomAccess.Read(file, bytes, (long)offset) == bytes.Length ? bytes : throw new InvalidDataException();
    }

    private static string Text(byte[] texts, ulong at)
    {
        ReadOnlySpan<byte> rest = at < (ulong)texts.Length ? texts.AsSpan((int)at) : throw new InvalidDataException();
        int end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private sealed record Section(uint Name, uint Type, ulong Offset, ulong Size, uint Link)
    {
        public static Section Parse(ReadOnlySpan<byte> entry) => new(
            BinaryPrimitives.ReadUInt32LittleEndian(entry),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(entry[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]),
            BinaryPrimitives.ReadUInt32LittleEndian(entry[40..]));
    }
}
