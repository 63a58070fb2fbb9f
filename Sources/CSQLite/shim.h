// The system's libsqlite3, as its own header declares it.
#include <sqlite3.h>
