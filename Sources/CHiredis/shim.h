// hiredis as a codec: the reply reader and the command formatter, no sockets of its own.
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
