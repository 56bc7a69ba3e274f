using System.Buffers.Binary;
using System.Text;

namespace Hybrid.Interop.Tests.Bindings;

/// <summary>Names that a 64-bit little-endian ELF library exports, from its dynamic symbol table.</summary>
internal static class ElfExports
{
    private const uint DynamicSymbolTable = 11;
    private const int SectionHeaderSize = 64;
    private const int SymbolSize = 24;

    public static IEnumerable<string> Read(byte[] file)
    {
        if (!file.AsSpan().StartsWith("\u007fELF\u0002\u0001"u8))
        {
            throw new FormatException("not a 64-bit little-endian ELF file");
        }

        int sections = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(60));
        long table = BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(40));
        byte[][] headers = [.. Enumerable.Range(0, sections).Select(i => file.AsSpan((int)table + (i * SectionHeaderSize), SectionHeaderSize).ToArray())];
        byte[] symbols = headers.Single(header => BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)) == DynamicSymbolTable);
        byte[] names = headers[BinaryPrimitives.ReadInt32LittleEndian(symbols.AsSpan(40))];
        (int begin, int length) = Extent(symbols);
        for (int at = begin; at < begin + length; at += SymbolSize)
        {
            bool isLocal = file[at + 4] >> 4 == 0;
            bool isDefined = BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at + 6)) != 0;
            if (!isLocal && isDefined)
            {
                yield return Text(file, Extent(names).Begin + BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(at)));
            }
        }
    }

    private static (int Begin, int Length) Extent(byte[] header) =>
        ((int)BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(24)), (int)BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(32)));

    private static string Text(byte[] file, int at) => Encoding.UTF8.GetString(file.AsSpan(at, file.AsSpan(at).IndexOf((byte)0)));
}
