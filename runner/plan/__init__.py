"""From what was found on hosts to what will be done there. Pure: nothing here touches a host, a file or a clock."""
