using Xunit;

namespace Hybrid.Interop.Tests.Bindings;

public sealed class HeaderReaderTests
{
    private const string Start = "typedef int32_t hyb_status; typedef struct hyb_tensor hyb_tensor;\n";

    [Fact]
    public void ReadsFunctionsConstantsAndOpaqueStructs()
    {
        Declarations found = HeaderReader.Read("""
            /* A comment; with HYB_API int32_t hyb_not_me(void); inside. */
            #ifndef HYBRID_X_H
            #define HYBRID_X_H
            #include <stdint.h>
            #include "hybrid/base.h"
            #if defined(HYB_BINDINGS)
            #define HYB_API
            #else
            #define HYB_API __attribute__((visibility("default")))
            #endif
            #ifdef __cplusplus
            extern "C" {
            #endif
            #define HYB_OK 0
            #define HYB_CPU (-1)  /* the host */
            typedef int32_t hyb_status;
            typedef struct hyb_tensor hyb_tensor;
            HYB_API const char* hyb_error(void);
            HYB_API void hyb_free(hyb_tensor* tensor);
            HYB_API hyb_status hyb_join(const char* const* names, hyb_tensor* const* tensors, int64_t n, const void* data,
                                        double scale, uint64_t* address, hyb_tensor** out);
            #ifdef __cplusplus
            }
            #endif
            #endif
            """);

        Assert.Equal(
            [
                "byte* hyb_error()",
                "void hyb_free(hyb_tensor* tensor)",
                "int hyb_join(byte** names, hyb_tensor** tensors, long n, void* data, double scale, ulong* address, hyb_tensor** out)",
            ],
            found.Functions.Values.Select(function => function.ToString()));
        Assert.Equal([("HYB_CPU", -1), ("HYB_OK", 0)], found.Constants.Select(pair => (pair.Key, pair.Value)).Order());
        Assert.Equal(["hyb_tensor"], found.OpaqueStructs);
    }

    [Theory]
    [InlineData("HYB_API int hyb_f(void);")] // a type whose size is the compiler's choice
    [InlineData("HYB_API hyb_status hyb_f(long n);")]
    [InlineData("HYB_API hyb_status hyb_f(size_t n);")]
    [InlineData("HYB_API hyb_status hyb_f(bool on);")]
    [InlineData("HYB_API hyb_status hyb_f(float x);")]
    [InlineData("HYB_API hyb_status hyb_f(unsigned int n);")]
    [InlineData("HYB_API hyb_status hyb_f(int64_t* restrict n);")]
    [InlineData("HYB_API hyb_status hyb_f(hyb_tensor tensor);")] // a struct by value
    [InlineData("HYB_API hyb_tensor hyb_f(void);")]
    [InlineData("HYB_API hyb_status hyb_f(hyb_other* other);")] // not declared
    [InlineData("HYB_API hyb_status hyb_f(void nothing);")]
    [InlineData("HYB_API hyb_status hyb_f(int64_t);")] // no name
    [InlineData("HYB_API hyb_status hyb_f();")]
    [InlineData("HYB_API hyb_status hyb_f(int64_t n, ...);")]
    [InlineData("HYB_API hyb_status hyb_f(int64_t sizes[8]);")]
    [InlineData("HYB_API hyb_status hyb_f(int32_t (*callback)(void));")]
    [InlineData("HYB_API hyb_status f(int64_t n);")] // another prefix
    [InlineData("HYB_API hyb_status hyb_f(int64_t n)")] // no semicolon
    [InlineData("HYB_API hyb_status hyb_f(int64_t n); HYB_API hyb_status hyb_f(int64_t n);")]
    [InlineData("hyb_status hyb_f(int64_t n);")] // not exported
    [InlineData("static int32_t hyb_f(int32_t n) { return n; }")]
    [InlineData("typedef struct hyb_pair { int32_t a; } hyb_pair;")]
    [InlineData("typedef struct hyb_a hyb_b;")]
    [InlineData("typedef enum { HYB_A } hyb_e;")]
    [InlineData("typedef long hyb_size;")]
    [InlineData("extern int32_t hyb_global;")]
    [InlineData("#define HYB_X 1.5")]
    [InlineData("#define HYB_X 0x10")]
    [InlineData("#define HYB_X -1")]
    [InlineData("#define HYB_X (1 << 2)")]
    [InlineData("#define HYB_X(a) a")]
    [InlineData("#define OTHER 1")]
    [InlineData("#define HYB_X 1\n#define HYB_X 2")]
    [InlineData("#pragma once")]
    [InlineData("#if HYB_VERSION > 1\n#endif")]
    [InlineData("#ifdef HYB_X")]
    [InlineData("#endif")]
    [InlineData("#else")]
    public void RefusesWhatTheDialectDoesNotHave(string text) => Assert.Throws<FormatException>(() => HeaderReader.Read(Start + text));
}
