// Package selects has what the select benches share: select statements of 2, 8 and 64 receive cases.
package selects

// Max is the most cases that there are.
const Max = 64

// Channels are the cases.
type Channels [Max]chan int

// Make returns n channels; the others are nil.
func Make(n, capacity int) *Channels {
	c := new(Channels)
	for i := 0; i < n; i++ {
		c[i] = make(chan int, capacity)
	}
	return c
}

// Of returns the select statement of so many cases, nil when there is none. It returns the case and the value.
func Of(cases int) func(c *Channels) (int, int) {
	switch cases {
	case 2:
		return of2
	case 8:
		return of8
	case 64:
		return of64
	}
	return nil
}

func of2(c *Channels) (int, int) {
	select {
	case v := <-c[0]:
		return 0, v
	case v := <-c[1]:
		return 1, v
	}
}

func of8(c *Channels) (int, int) {
	select {
	case v := <-c[0]:
		return 0, v
	case v := <-c[1]:
		return 1, v
	case v := <-c[2]:
		return 2, v
	case v := <-c[3]:
		return 3, v
	case v := <-c[4]:
		return 4, v
	case v := <-c[5]:
		return 5, v
	case v := <-c[6]:
		return 6, v
	case v := <-c[7]:
		return 7, v
	}
}

func of64(c *Channels) (int, int) {
	select {
	case v := <-c[0]:
		return 0, v
	case v := <-c[1]:
		return 1, v
	case v := <-c[2]:
		return 2, v
	case v := <-c[3]:
		return 3, v
	case v := <-c[4]:
		return 4, v
	case v := <-c[5]:
		return 5, v
	case v := <-c[6]:
		return 6, v
	case v := <-c[7]:
		return 7, v
	case v := <-c[8]:
		return 8, v
	case v := <-c[9]:
		return 9, v
	case v := <-c[10]:
		return 10, v
	case v := <-c[11]:
		return 11, v
	case v := <-c[12]:
		return 12, v
	case v := <-c[13]:
		return 13, v
	case v := <-c[14]:
		return 14, v
	case v := <-c[15]:
		return 15, v
	case v := <-c[16]:
		return 16, v
	case v := <-c[17]:
		return 17, v
	case v := <-c[18]:
		return 18, v
	case v := <-c[19]:
		return 19, v
	case v := <-c[20]:
		return 20, v
	case v := <-c[21]:
		return 21, v
	case v := <-c[22]:
		return 22, v
	case v := <-c[23]:
		return 23, v
	case v := <-c[24]:
		return 24, v
	case v := <-c[25]:
		return 25, v
	case v := <-c[26]:
		return 26, v
	case v := <-c[27]:
		return 27, v
	case v := <-c[28]:
		return 28, v
	case v := <-c[29]:
		return 29, v
	case v := <-c[30]:
		return 30, v
	case v := <-c[31]:
		return 31, v
	case v := <-c[32]:
		return 32, v
	case v := <-c[33]:
		return 33, v
	case v := <-c[34]:
		return 34, v
	case v := <-c[35]:
		return 35, v
	case v := <-c[36]:
		return 36, v
	case v := <-c[37]:
		return 37, v
	case v := <-c[38]:
		return 38, v
	case v := <-c[39]:
		return 39, v
	case v := <-c[40]:
		return 40, v
	case v := <-c[41]:
		return 41, v
	case v := <-c[42]:
		return 42, v
	case v := <-c[43]:
		return 43, v
	case v := <-c[44]:
		return 44, v
	case v := <-c[45]:
		return 45, v
	case v := <-c[46]:
		return 46, v
	case v := <-c[47]:
		return 47, v
	case v := <-c[48]:
		return 48, v
	case v := <-c[49]:
		return 49, v
	case v := <-c[50]:
		return 50, v
	case v := <-c[51]:
		return 51, v
	case v := <-c[52]:
		return 52, v
	case v := <-c[53]:
		return 53, v
	case v := <-c[54]:
		return 54, v
	case v := <-c[55]:
		return 55, v
	case v := <-c[56]:
		return 56, v
	case v := <-c[57]:
		return 57, v
	case v := <-c[58]:
		return 58, v
	case v := <-c[59]:
		return 59, v
	case v := <-c[60]:
		return 60, v
	case v := <-c[61]:
		return 61, v
	case v := <-c[62]:
		return 62, v
	case v := <-c[63]:
		return 63, v
	}
}
