using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Hybrid.Interop.Tests.Support;
using Hybrid.TestSupport;
using Xunit;

namespace Hybrid.Interop.Tests;

public sealed class SafetensorsFileTests : LedgerTest
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void WhatIsWrittenIsReadBack()
    {
        using TensorScope scope = TensorScope.Begin();
        KeyValuePair<string, Tensor>[] tensors =
        [
            new("model.layers.0.weight", Make.Floats([2, 2], 1, 2, 3, 4)),
            new("Übermaß → 世界 😀 \"quoted\" \\ \t\n\u007f", Make.Doubles([], 7)),
            new("", Tensor.From<byte>([1, 2, 3])),
            new("empty", Tensor.Zeros([2, 0], ElementType.Float16, Device.Cpu)),
            new("flags", Tensor.From<bool>([true, false])),
            new("after three bytes, out of line", Tensor.From<long>([long.MinValue, 5])),
        ];
        SafetensorsFile.Write(PathOf("x"), tensors, [new("format", "pt"), new("ключ", "значение")]);
        using SafetensorsFile file = SafetensorsFile.Open(PathOf("x"));

        Assert.Equal(tensors.Select(pair => pair.Key), file.Names);
        foreach ((string name, Tensor tensor) in tensors)
        {
            Assert.Equal(tensor.ElementType, file.Describe(name).Type);
            Assert.Equal(tensor.Shape, file.Describe(name).Shape);
            Assert.Equal(0, tensor.CountDifferent(file.Read(name, tensor.ElementType, Device.Cpu)));
        }
    }

    // The bytes as the format's description has them: length, header padded to eight, data in order.
    [Fact]
    public void TheFileIsAsTheFormatSays()
    {
        using TensorScope scope = TensorScope.Begin();
        SafetensorsFile.Write(PathOf("x"), [new("a", Tensor.From<int>([1, -1])), new("b", Make.Floats([1, 1], 0.5f))], [new("k", "v")]);
        byte[] bytes = File.ReadAllBytes(PathOf("x"));
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);

        Assert.Equal(0, length % 8);
        Assert.Equal(
            """{"__metadata__":{"k":"v"},"a":{"dtype":"I32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1,1],"data_offsets":[8,12]}}""",
            Encoding.UTF8.GetString(bytes, 8, length).TrimEnd(' '));
        Assert.Equal("01000000FFFFFFFF0000003F", Convert.ToHexString(bytes[(8 + length)..]));
    }

    [Fact]
    public void AnyTensorsComeBackBitForBit() =>
        Prop.ForAll(RandomFile().ToArbitrary(), entries =>
        {
            using TensorScope scope = TensorScope.Begin();
            KeyValuePair<string, Tensor>[] tensors = [.. entries.Select(entry => new KeyValuePair<string, Tensor>(
                entry.Name,
                Tensor.From<byte>([.. entry.Bytes], [.. entry.Shape], Device.Cpu).To(entry.Type, Device.Cpu)))];
            SafetensorsFile.Write(PathOf("random"), tensors, []);
            using SafetensorsFile file = SafetensorsFile.Open(PathOf("random"));
            return file.Names.SequenceEqual(tensors.Select(pair => pair.Key))
                && tensors.All(pair => file.Describe(pair.Key).Shape.SequenceEqual(pair.Value.Shape) && pair.Value.CountDifferent(file.Read(pair.Key, pair.Value.ElementType, Device.Cpu)) == 0);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void ReadingConverts()
    {
        using TensorScope scope = TensorScope.Begin();
        SafetensorsFile.Write(PathOf("x"), [new("a", Make.Floats([2], 1.00390625f, -2))], []);
        using SafetensorsFile file = SafetensorsFile.Open(PathOf("x"));
        Assert.Equal([1.00390625, -2], file.Read("a", ElementType.Float64, Device.Cpu).ToArray<double>());
        Assert.Equal([1.0, -2], file.Read("a", ElementType.BFloat16, Device.Cpu).ToDoubles());
        Expect.Failure(NativeStatus.Device, () => file.Read("a", ElementType.Float32, Device.Cuda(99)), "safetensors_read", "CUDA device 99");
    }

    [Fact]
    public void TensorsOutliveTheFile()
    {
        using TensorScope scope = TensorScope.Begin();
        SafetensorsFile.Write(PathOf("x"), [new("a", Make.Doubles([2], 1, 2))], []);
        Tensor tensor;
        using (SafetensorsFile file = SafetensorsFile.Open(PathOf("x")))
        {
            tensor = file.Read("a", ElementType.Float64, Device.Cpu);
        }

        File.Delete(PathOf("x"));
        tensor.CopyFrom(2 * tensor); // its own storage: the map is read-only
        Assert.Equal([2.0, 4.0], tensor.ToArray<double>());
    }

    [Fact]
    public void ViewsAreWrittenByTheirStrides()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor column = Make.Doubles([2, 2], 1, 2, 3, 4).Narrow(1, 1, 1);
        column.RequiresGrad = true;
        SafetensorsFile.Write(PathOf("x"), [new("a", column)], []);
        using SafetensorsFile file = SafetensorsFile.Open(PathOf("x"));
        Assert.Equal([2.0, 4.0], file.Read("a", ElementType.Float64, Device.Cpu).ToArray<double>());
    }

    [Fact]
    public void AnEmptyFileOfTensorsIsAFile()
    {
        SafetensorsFile.Write(PathOf("x"), [], []);
        using SafetensorsFile file = SafetensorsFile.Open(PathOf("x"));
        Assert.Empty(file.Names);
    }

    [Fact]
    public void AnUnknownNameIsRefused()
    {
        using TensorScope scope = TensorScope.Begin();
        SafetensorsFile.Write(PathOf("x"), [new("a", Make.Doubles([1], 1))], []);
        using SafetensorsFile file = SafetensorsFile.Open(PathOf("x"));
        Expect.Failure(NativeStatus.OutOfRange, () => file.Describe("A"), "'A'", PathOf("x"));
        Expect.Failure(NativeStatus.OutOfRange, () => file.Read("b", ElementType.Float64, Device.Cpu), "'b'", PathOf("x"));
    }

    // What is mapped is the old file, whole: the new one took its name and not its bytes.
    [Fact]
    public void AFileIsReplacedWhole()
    {
        using TensorScope scope = TensorScope.Begin();
        SafetensorsFile.Write(PathOf("x"), [new("old", Make.Doubles([2], 1, 2))], []);
        using SafetensorsFile old = SafetensorsFile.Open(PathOf("x"));
        SafetensorsFile.Write(PathOf("x"), [new("new", Make.Doubles([2], 3, 4))], []);
        using SafetensorsFile current = SafetensorsFile.Open(PathOf("x"));

        Assert.Equal([1.0, 2.0], old.Read("old", ElementType.Float64, Device.Cpu).ToArray<double>());
        Assert.Equal([3.0, 4.0], current.Read("new", ElementType.Float64, Device.Cpu).ToArray<double>());
        Assert.Equal([PathOf("x")], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void WritersOfOnePathDoNotMix()
    {
        SafetensorsFile.Write(PathOf("x"), [], []);
        Concurrently.Run([.. Enumerable.Range(0, 3).Select<int, Action>(writer => () =>
        {
            for (int round = 0; round < 30; round++)
            {
                using TensorScope scope = TensorScope.Begin();
                SafetensorsFile.Write(PathOf("x"), [new($"of writer {writer}", Make.Random(writer, 1000 * (writer + 1)))], []);
                using SafetensorsFile file = SafetensorsFile.Open(PathOf("x"));
                string name = Assert.Single(file.Names);
                int author = name[^1] - '0';
                Assert.Equal(0, Make.Random(author, 1000 * (author + 1)).CountDifferent(file.Read(name, ElementType.Float64, Device.Cpu)));
            }
        })]);
        Assert.Equal([PathOf("x")], Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void ARefusedWriteLeavesTheOldFileAndNothingElse()
    {
        using TensorScope scope = TensorScope.Begin();
        Tensor tensor = Make.Doubles([1], 1);
        SafetensorsFile.Write(PathOf("x"), [new("a", tensor)], []);
        byte[] before = File.ReadAllBytes(PathOf("x"));
        Directory.CreateDirectory(PathOf("folder"));

        Expect.Failure(NativeStatus.InvalidArgument, () => SafetensorsFile.Write(PathOf("x"), [new("b", tensor), new("b", tensor)], []), "safetensors_write", PathOf("x"), "'b'");
        Expect.Failure(NativeStatus.InvalidArgument, () => SafetensorsFile.Write(PathOf("x"), [new("__metadata__", tensor)], []), "safetensors_write", "reserved");
        Expect.Failure(NativeStatus.InvalidArgument, () => SafetensorsFile.Write(PathOf("x"), [new("a", tensor)], [new("k", "1"), new("k", "2")]), "safetensors_write", "'k'");
        Expect.Failure(NativeStatus.Io, () => SafetensorsFile.Write(PathOf("folder"), [new("a", tensor)], []), "safetensors_write", PathOf("folder"));
        Expect.Failure(NativeStatus.Io, () => SafetensorsFile.Write(PathOf("absent/x"), [new("a", tensor)], []), "safetensors_write", PathOf("absent/x"));
        Assert.Throws<ArgumentException>(() => SafetensorsFile.Write(PathOf("x"), [new("a\0b", tensor)], []));
        Assert.ThrowsAny<ArgumentException>(() => SafetensorsFile.Write(PathOf("x"), [new("half a pair \ud800", tensor)], []));

        Assert.Equal(before, File.ReadAllBytes(PathOf("x")));
        Assert.Equal([PathOf("folder"), PathOf("x")], Directory.GetFileSystemEntries(folder.Path).Order());
    }

    [Fact]
    public void WhatCannotBeReadIsAnIoError()
    {
        Expect.Failure(NativeStatus.Io, () => SafetensorsFile.Open(PathOf("absent")), "safetensors_open", PathOf("absent"), "No such file");
        Expect.Failure(NativeStatus.Io, () => SafetensorsFile.Open(folder.Path), "safetensors_open", folder.Path, "not a regular file");
        Assert.Throws<ArgumentException>(() => SafetensorsFile.Open("a\0b"));
    }

    [Theory]
    [InlineData("", "'{' expected")]
    [InlineData("[]", "'{' expected")]
    [InlineData("{", "expected")]
    [InlineData("{} x", "after the closing brace")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},}""", "expected")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}""", "'a' stands twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}""", "'shape' is unknown or stands twice")]
    [InlineData("""{"a":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}}""", "dtype 'F8'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", "are all needed")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":[1]}}""", "'more'")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "0 to 8 for 12 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "8 to 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}""", "more than 2")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", "begins at byte 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "take 4 bytes, the file holds 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "'b' begins at byte 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "not negative")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}""", "expected")]
    [InlineData("""{"a":{"dtype":"F32","shape":[02],"data_offsets":[0,8]}}""", "leading zero")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}}""", "63 bits")]
    [InlineData("""{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}""", "64 bits")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", "overflows")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}""", "more than 8")]
    [InlineData("""{"a":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}}""", "expected")]
    [InlineData("""{"__metadata__":{"k":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "expected")]
    [InlineData("""{"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "'k' stands twice")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "surrogate")]
    [InlineData("""{"\x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "unknown escape")]
    [InlineData("""{"a\u0000b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "zero character")]
    [InlineData("{\"a\tb\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "control character")]
    public void AMalformedHeaderIsRefused(string header, string said)
    {
        WriteRaw(Encoding.UTF8.GetBytes(header), dataBytes: 8);
        Expect.Failure(NativeStatus.BadFormat, () => SafetensorsFile.Open(PathOf("raw")), "safetensors_open", PathOf("raw"), said);
    }

    [Fact]
    public void ANameThatIsNotUtf8IsRefused()
    {
        byte[] header = Encoding.Latin1.GetBytes("{\"\u00e9\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}");
        WriteRaw(header, dataBytes: 8);
        Expect.Failure(NativeStatus.BadFormat, () => SafetensorsFile.Open(PathOf("raw")), PathOf("raw"), "not UTF-8");
    }

    [Theory]
    [InlineData("")]
    [InlineData("0000000000")]
    [InlineData("0100000000000000")]
    [InlineData("FFFFFFFFFFFFFFFF7B7D")]
    [InlineData("F8FFFFFFFFFFFFFF7B7D")]
    public void AHeaderLengthThatCannotBeIsRefused(string hex)
    {
        File.WriteAllBytes(PathOf("raw"), Convert.FromHexString(hex));
        Expect.Failure(NativeStatus.BadFormat, () => SafetensorsFile.Open(PathOf("raw")), "safetensors_open", PathOf("raw"), "bytes");
    }

    // No bytes, but strides that overflow.
    [Fact]
    public void AnEmptyTensorOfHugeSizesIsRefused()
    {
        WriteRaw("""{"a":{"dtype":"F32","shape":[0,4611686018427387904,4611686018427387904],"data_offsets":[0,0]}}"""u8, dataBytes: 0);
        Expect.Failure(NativeStatus.BadFormat, () => SafetensorsFile.Open(PathOf("raw")), "tensor 'a': its size overflows");
    }

    [Fact]
    public void AnEmptyTensorIsRead()
    {
        WriteRaw("""{"a":{"dtype":"F32","shape":[0,1099511627776],"data_offsets":[0,0]}}"""u8, dataBytes: 0);
        using SafetensorsFile file = SafetensorsFile.Open(PathOf("raw"));
        using Tensor tensor = file.Read("a", ElementType.Float32, Device.Cpu);
        Assert.Equal([0, 1099511627776], tensor.Shape);
        Assert.Empty(tensor.ToArray<float>());
    }

    // Whatever has happened to a file, opening and reading it answers or throws, and never takes the process down.
    [Fact]
    public void NoMutationCrashes()
    {
        using TensorScope scope = TensorScope.Begin();
        SafetensorsFile.Write(
            PathOf("sound"),
            [new("layer.weight", Make.Floats([2, 3], 1, 2, 3, 4, 5, 6)), new("ü", Tensor.From<byte>([1, 2, 3])), new("flag", Tensor.From<bool>([true])), new("n", Tensor.From<long>([7]))],
            [new("format", "pt")]);
        byte[] sound = File.ReadAllBytes(PathOf("sound"));
        Random random = new(20);
        int opened = 0, refused = 0;
        for (int round = 0; round < 2000; round++)
        {
            byte[] bytes = round % 4 == 0 ? sound[..random.Next(sound.Length)] : [.. sound];
            for (int flips = random.Next(1, 4); round % 4 != 0 && flips > 0; flips--)
            {
                bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            }

            File.WriteAllBytes(PathOf("mutant"), bytes);
            try
            {
                using TensorScope inner = TensorScope.Begin();
                using SafetensorsFile file = SafetensorsFile.Open(PathOf("mutant"));
                foreach (string name in file.Names)
                {
                    Assert.Equal(file.Describe(name).Shape, file.Read(name, file.Describe(name).Type, Device.Cpu).Shape);
                }

                opened++;
            }
            catch (NativeException failure)
            {
                Assert.Equal(NativeStatus.BadFormat, failure.Status);
                Assert.Contains(PathOf("mutant"), failure.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        // Flips in the data are harmless, truncations are not.
        Assert.InRange(opened, 50, 1400);
        Assert.InRange(refused, 600, 1950);
    }

    public override void Dispose()
    {
        folder.Dispose();
        base.Dispose();
    }

    private string PathOf(string name) => folder.File(name);

    private void WriteRaw(ReadOnlySpan<byte> header, int dataBytes)
    {
        byte[] length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        File.WriteAllBytes(PathOf("raw"), [.. length, .. header, .. new byte[dataBytes]]);
    }

    /// <summary>Up to five entries with names of their own, up to three dimensions of up to four, any type, any bits that a byte converts to.</summary>
    private static Gen<List<Entry>> RandomFile()
    {
        Gen<Entry> entry =
            from name in Gen.ListOf(Gen.Elements('a', '.', '"', '\\', '/', '\n', '\u0001', 'é', '世', ' ', '{'))
            from shape in Gen.ListOf(Gen.Choose(0, 4))
            from type in Gen.Elements(Enum.GetValues<ElementType>())
            from bytes in Gen.ArrayOf(Gen.Choose(0, 255), (int)shape.Take(3).Aggregate(1L, (product, size) => product * size))
            select new Entry(string.Concat(name), [.. shape.Take(3).Select(size => (long)size)], type, [.. bytes.Select(value => (byte)value)]);
        return Gen.ListOf(entry).Select(entries => entries.Take(5).DistinctBy(one => one.Name).ToList());
    }

    private sealed record Entry(string Name, IReadOnlyList<long> Shape, ElementType Type, IReadOnlyList<byte> Bytes)
    {
        public override string ToString() => $"{Name}: {Type} [{string.Join(", ", Shape)}]";
    }
}
