# P11KMS_LLHTTP: the packaged library where there is one, else the C sources
# that Debian 12's node-llhttp carries.
AC_DEFUN([P11KMS_LLHTTP], [
  AC_ARG_WITH([llhttp-sources],
    [AS_HELP_STRING([--with-llhttp-sources=DIR], [compile llhttp in from DIR/llhttp.c, api.c, http.c])],
    [], [with_llhttp_sources=auto])
  llhttp_from=no
  AS_IF([test "x$with_llhttp_sources" = xauto],
    [PKG_CHECK_MODULES([LLHTTP], [libllhttp >= 8.1], [llhttp_from=library], [with_llhttp_sources=/usr/share/llhttp])])
  AS_IF([test "x$llhttp_from" = xno], [
    AS_IF([test -f "$with_llhttp_sources/llhttp.c"], [],
      [AC_MSG_ERROR([no llhttp: install libllhttp-dev or node-llhttp, or name its C sources --with-llhttp-sources=DIR])])
    llhttp_from="$with_llhttp_sources"
    AS_IF([test -f "$with_llhttp_sources/llhttp.h"],
      [LLHTTP_CFLAGS="-isystem $with_llhttp_sources"],
      [LLHTTP_CFLAGS="-isystem $with_llhttp_sources/../include/llhttp"])
    LLHTTP_SOURCES="$with_llhttp_sources"
    LLHTTP_LIBS=
  ])
  AC_SUBST([LLHTTP_CFLAGS])
  AC_SUBST([LLHTTP_LIBS])
  AC_SUBST([LLHTTP_SOURCES])
  AM_CONDITIONAL([LLHTTP_BUNDLED], [test "x$llhttp_from" != xlibrary])
])

# P11KMS_TRY_CFLAG(VARIABLE, FLAG): add FLAG when the compiler takes it.
AC_DEFUN([P11KMS_TRY_CFLAG], [
  AX_CHECK_COMPILE_FLAG([$2], [$1="$$1 $2"], [], [-Werror])
])

# P11KMS_NEED_LDFLAG(VARIABLE, FLAG): add FLAG, or stop.
AC_DEFUN([P11KMS_NEED_LDFLAG], [
  AX_CHECK_LINK_FLAG([$2], [$1="$$1 $2"], [AC_MSG_ERROR([$2 is unavailable; see --disable-hardening])])
])

AC_DEFUN([P11KMS_HARDENING], [
  AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening], [leave the hardening flags out])],
    [], [enable_hardening=yes])
  HARDEN_CFLAGS= ; HARDEN_LDFLAGS=
  AS_IF([test "x$enable_hardening" = xyes], [
    m4_foreach([flag], [[-fstack-protector-strong], [-fstack-clash-protection], [-fcf-protection],
      [-ftrivial-auto-var-init=zero], [-fno-delete-null-pointer-checks], [-fno-strict-overflow]],
      [P11KMS_TRY_CFLAG([HARDEN_CFLAGS], flag)
    ])
    AS_IF([test "x$with_sanitizer" = x || test "x$with_sanitizer" = xno],
      [HARDEN_CFLAGS="$HARDEN_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
    P11KMS_NEED_LDFLAG([HARDEN_LDFLAGS], [-Wl,-z,relro])
    P11KMS_NEED_LDFLAG([HARDEN_LDFLAGS], [-Wl,-z,now])
    P11KMS_NEED_LDFLAG([HARDEN_LDFLAGS], [-Wl,-z,noexecstack])
    # libtool's -fPIC for what may go into a shared library comes after -fPIE and wins
    P11KMS_TRY_CFLAG([HARDEN_CFLAGS], [-fPIE])
    P11KMS_NEED_LDFLAG([HARDEN_LDFLAGS], [-pie])
  ])
  AC_SUBST([HARDEN_CFLAGS])
  AC_SUBST([HARDEN_LDFLAGS])
])

AC_DEFUN([P11KMS_SANITIZER], [
  AC_ARG_WITH([sanitizer],
    [AS_HELP_STRING([--with-sanitizer=LIST], [build with -fsanitize=LIST, as address,undefined or thread])],
    [], [with_sanitizer=no])
  SANITIZE_FLAGS=
  AS_IF([test "x$with_sanitizer" != xno], [
    SANITIZE_FLAGS="-fsanitize=$with_sanitizer -fno-omit-frame-pointer -fno-sanitize-recover=all -g"
    AX_CHECK_LINK_FLAG([$SANITIZE_FLAGS], [], [AC_MSG_ERROR([the compiler cannot link -fsanitize=$with_sanitizer])])
    AC_DEFINE([WITH_SANITIZER], [1], [Built with a sanitizer.])
  ])
  AC_SUBST([SANITIZE_FLAGS])
])

# Fuzz targets always build, with a main that replays the corpus; --with-fuzzer
# links libFuzzer instead (clang).
AC_DEFUN([P11KMS_FUZZER], [
  AC_ARG_WITH([fuzzer], [AS_HELP_STRING([--with-fuzzer], [link the fuzz targets with libFuzzer (clang)])],
    [], [with_fuzzer=no])
  FUZZER_FLAGS=
  AS_IF([test "x$with_fuzzer" != xno], [
    AX_CHECK_COMPILE_FLAG([-fsanitize=fuzzer-no-link], [SANITIZE_FLAGS="$SANITIZE_FLAGS -fsanitize=fuzzer-no-link"],
      [AC_MSG_ERROR([--with-fuzzer needs clang])])
    FUZZER_FLAGS="-fsanitize=fuzzer"
  ])
  AC_SUBST([FUZZER_FLAGS])
  AM_CONDITIONAL([WITH_FUZZER], [test "x$with_fuzzer" != xno])
])

AC_DEFUN([P11KMS_WARNINGS], [
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [warnings are errors])], [], [enable_werror=no])
  WARN_CFLAGS=
  m4_foreach([flag], [[-Wall], [-Wextra], [-Wpedantic], [-Wshadow], [-Wstrict-prototypes],
    [-Wmissing-prototypes], [-Wpointer-arith], [-Wwrite-strings], [-Wcast-qual], [-Wformat=2], [-Wundef],
    [-Wvla], [-Wimplicit-fallthrough], [-Wno-gnu-statement-expression],
    [-Wno-gnu-zero-variadic-macro-arguments], [-Wno-missing-field-initializers]],
    [P11KMS_TRY_CFLAG([WARN_CFLAGS], flag)
  ])
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
  AC_SUBST([WARN_CFLAGS])
])
